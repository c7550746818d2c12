"""What a mapping is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from importer.mapping.header import Header
from importer.mapping.html_text import readable
from importer.mapping.lookup_table import LookupTable
from importer.mapping.yaml_nodes import NodePath


class Binding(NamedTuple):
    """What the values of a mapping are bound to.

    Attributes:
        header: The columns of the export.
        empty: Texts that count as no value; "" among them.
        tables: Look-up tables by the paths of the values that use them.
        html: Whether the cells hold HTML, of which the readable text counts.
    """

    header: Header
    empty: tuple[str, ...]
    tables: Mapping[NodePath, LookupTable] = MappingProxyType({})
    html: bool = False

    def filled(self, text: str) -> str:
        """``text``, or "" if it counts as no value."""
        if self.html:
            text = readable(text)
        return "" if text.strip() in self.empty else text
