"""What a mapping is bound to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from importer.mapping.companion import Companion
from importer.mapping.header import Header
from importer.mapping.html_text import readable
from importer.mapping.lookup_table import LookupTable
from importer.mapping.spec_case import EachForm
from importer.mapping.yaml_nodes import NodePath


class Binding(NamedTuple):
    """What the values of a mapping are bound to.

    Attributes:
        header: The columns of the export.
        empty: Texts that count as no value; "" among them.
        tables: Look-up tables by the paths of the values that use them.
        companions: The companion files; None if what stands in them is left out.
        html: Whether the cells hold HTML, of which the readable text counts.
    """

    header: Header
    empty: tuple[str, ...]
    tables: Mapping[NodePath, LookupTable] = MappingProxyType({})
    companions: Collection[Companion] | None = None
    html: bool = False

    def companion(self, form: EachForm) -> Companion | None:
        """The file that the mapping speaks of like this; None if it is left out.

        Raises:
            ValueError: Files are not left out, and this one is not among them.
        """
        if self.companions is None:
            return None
        for file in self.companions:
            if file.form == form:
                return file
        raise ValueError(f"{form.file} is not open")

    def filled(self, text: str) -> str:
        """``text``, or "" if it counts as no value."""
        if self.html:
            text = readable(text)
        return "" if text.strip() in self.empty else text
