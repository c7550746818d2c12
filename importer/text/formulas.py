"""Cells of files that we write, harmless in a spreadsheet; in CSV files without formulas.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return is taken for a formula (OWASP, "CSV
Injection"). So is what follows a ``,``, a ``;``, a tab or a line break inside a cell, if the spreadsheet takes another
separator than that of the file: then the quotes do not hold the cell together. We put an apostrophe before it. The rule
is reversible: apostrophes that are before such a character already get one more, so taking one away always gives the
original back.
"""

from __future__ import annotations

import re

#: Source: Microsoft, "Excel specifications and limits".
EXCEL_CELL_MAX = 32_767
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_SEPARATING = re.compile("[,;\t\r\n]")
_HARMFUL = re.compile(f"\\A(?='*[{_SIGNS}\t\r\n])|([,;\t\r\n]\"*)(?='*[{_SIGNS}])")
_ESCAPED = re.compile(f"\\A'(?='*[{_SIGNS}\t\r\n])|([,;\t\r\n]\"*)'(?='*[{_SIGNS}])")


def escape_formula(cell: str) -> str:
    """``cell``, harmless in a spreadsheet."""
    if cell[:1].isalnum() and not _SEPARATING.search(cell):
        return cell  # most are, and all cells of an import come by
    return _HARMFUL.sub(lambda found: f"{found[1] or ''}'", cell)


def unescape_formula(cell: str) -> str:
    """The cell that :func:`escape_formula` was given. A cell that was typed without an apostrophe stays as it is."""
    return _ESCAPED.sub(lambda found: found[1] or "", cell) if "'" in cell else cell


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CODE = re.compile(r"_x([0-9a-fA-F]{4})_")


def excel_text(text: str) -> str:
    """``text`` as a cell of a workbook has it: no character that XML cannot have, and no more than Excel reads.

    What looks like the code of a character is that character to programs that read it, whatever was meant.
    """
    while "_x" in text and _CODE.search(text):
        text = _CODE.sub(lambda code: chr(int(code[1], 16)), text)
    text = _NOT_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    if len(text) <= EXCEL_CELL_MAX // 2:
        return text
    units = text.encode("utf-16-le")[: 2 * EXCEL_CELL_MAX]
    return units.decode("utf-16-le", "ignore")  # no half of a character at the end
