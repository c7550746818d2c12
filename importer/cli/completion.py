"""What the shell offers for ``--mapping``: the names of the built-in mappings, and files."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from importer.bundled import bundled


class MappingName(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """A mapping file, or the name of a built-in mapping."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The built-in names that begin like this; and whatever files the shell finds."""
        names = sorted(path.stem for path in bundled("mappings").glob("*.yml"))
        matching = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return [*matching, CompletionItem(incomplete, type="file")]
