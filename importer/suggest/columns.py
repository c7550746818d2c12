"""How a column is named in a mapping: alone, one of several with its header, or inside of a template."""

from __future__ import annotations

from collections.abc import Iterable

from importer.suggest.facts import Facts
from importer.suggest.page import shown

HEADING_MAX = 100


def reference(facts: Facts) -> dict[str, str]:
    """The keys of a value that read this very column."""
    if facts.repeats == 1:
        return {"column": facts.name}
    return {"column": facts.name, "occurrence": str(facts.occurrence)}


def in_template(facts: Facts) -> bool:
    """Whether a template can name the column: it stands alone, and there is no brace in its name."""
    return facts.repeats == 1 and not set("{}") & set(facts.name)


def heading(name: str) -> str:
    """The name of a column as a text for people: one line, not too long, never empty."""
    return shown(name, HEADING_MAX).strip() or "Column"


def label(name: str) -> str:
    """The name of a column as a text in a template."""
    return heading(name).replace("{", "{{").replace("}", "}}")


def named(columns: Iterable[Facts], most: int = 12) -> str:
    """Names for a sentence; of many only the first ones."""
    names = [f"`{shown(name, 40)}`" for name in dict.fromkeys(facts.name for facts in columns)]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
