"""HTML → text that a person can read. The only module that knows the HTML library.

Cells that promise HTML often hold plain text, or plain text with ``<ana@example.com>`` in it. So only what is a
tag of HTML counts as one, and every other ``<`` is a character: nothing that a person wrote falls into a tag. What
hides the text behind it (a script, a title, a comment) counts only if it is closed in the same cell.
"""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from html.entities import html5
from typing import TYPE_CHECKING, Any

from importer.mapping.field_errors import CellError, is_sendable

if TYPE_CHECKING:
    from lxml.html import HtmlElement

#: A ``<``, with what it begins if that is closed: a tag, a comment, or an instruction. No part can match in two ways:
#: time is linear.
_OPEN = re.compile(
    r"<(?:(?P<closing>/?)(?P<name>[a-z][a-z0-9]*(?::[a-z]+)?)(?=[\s/>])(?=[^<>]*>)"
    r"|(?P<comment>!--)|(?P<instruction>!doctype|!\[|\?)(?=[^<>]*>))?",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"&(?:#\d{1,9}|#x[0-9a-f]{1,8}|([a-z][a-z0-9]{0,40}));", re.IGNORECASE | re.ASCII)
_SELF_LINK = re.compile(r"\[([^\[\]\n]+)\]\((?:mailto:)?\1\)")
#: Elements in which every sign up to their end is text: without an end it would be all of the cell.
_RAW = ("script", "style", "title", "textarea", "iframe")
#: The parser has its own: behind the end of one, where gateways write their notices, it would read no more of the cell.
_FRAME = ("html", "body")
#: Stands between two cells of a line until it is laid out; Unicode reserves it for such uses.
_GAP = "\ufdd0"


def readable(text: str) -> str:
    """The text that a browser would show, with the targets of links and the descriptions of pictures.

    A text without any tag keeps its line breaks; only its character references (``&amp;``) are resolved, and of these
    only what ends in a semicolon: in ``?id=1&copy=2`` there is none.

    Raises:
        CellError: It is nested too deep to be read whole, or holds what no parser keeps.
    """
    if "<" not in text:
        return _resolved(text)
    if not is_sendable(text):
        raise CellError("bad_text")
    markup = _markup(text)
    if not markup:
        return _resolved(text)

    def marked(found: re.Match[str]) -> str:
        if found.start() not in markup:
            return "&lt;" + found[0][1:]
        is_frame = (found["name"] or "").lower() in _FRAME
        return "<input" if is_frame else found[0]

    escaped = _OPEN.sub(marked, text)
    lines = map(_spaced, _rendered(escaped).split("\n"))
    return _SELF_LINK.sub(r"\1", "\n".join(lines)).strip("\n")


def _resolved(text: str) -> str:
    if "&" not in text:
        return text
    return _REFERENCE.sub(
        lambda found: unescape(found[0]) if not found[1] or f"{found[1]};" in html5 else found[0], text
    )


def _markup(text: str) -> set[int]:
    """Where in a text markup begins: tags of HTML, comments and instructions."""
    tags, _ = _library()
    found: set[int] = set()
    opened: dict[str, int] = {}  # raw elements that are not closed so far
    last_comment = text.rfind("-->")
    for match in _OPEN.finditer(text):
        name, start = (match["name"] or "").lower(), match.start()
        if name in _RAW:
            if not match["closing"]:
                opened[name] = start
            elif name in opened:
                found |= {opened.pop(name), start}
        elif match["comment"]:
            if start < last_comment:
                found.add(start)
        elif match["instruction"] or ":" in name or name in tags:
            found.add(start)
    return found


def _rendered(text: str) -> str:
    from inscriptis import Inscriptis
    from lxml.html import HTMLParser, document_fromstring

    # Comments and instructions go before the library sees the tree: it would drop the text behind the latter.
    parser = HTMLParser(remove_comments=True, remove_pis=True)
    tree = document_fromstring(f"<body>{text}</body>", parser=parser)
    if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise CellError("unreadable_html")
    for row in tree.iter("tr"):
        _lay_out(row)
    for element in tree.iter():
        _prepare(element)
    rendered: str = Inscriptis(tree, _library()[1]).get_text()
    return rendered


def _lay_out(row: HtmlElement) -> None:
    """The cells of a row make one line, or a block each if one of them takes several lines.

    The library would pad them to columns: a long cell in a table of many rows becomes thousands of times as long.
    """
    blocks = _blocks()
    cells = row.xpath("td|th")
    for cell in cells:
        inner = cell
        while len(inner) == 1 and not ((inner.text or "") + (inner[0].tail or "")).strip() and inner[0].tag in blocks:
            inner = inner[0]
            inner.tag = "span"  # the only paragraph of a cell
    is_line = not any(next(cell.iterdescendants("br", *blocks), None) is not None for cell in cells)
    for number, cell in enumerate(cells):
        cell.tag = "span" if is_line else "div"
        if is_line and number:
            cell.text = _GAP + (cell.text or "")


def _prepare(element: HtmlElement) -> None:
    """What the library takes otherwise than a browser: it resolves references again, and knows no `start`."""
    if element.tag in ("table", "tr", "td", "th"):
        element.tag = "div"
    elif element.tag == "ol" and len(element) and "value" not in element[0].attrib:
        element[0].set("value", element.get("start", "1"))
    elif element.tag == "li" and not re.fullmatch("[0-9]{1,9}", element.get("value", "1")):
        del element.attrib["value"]
    element.text, element.tail = _escaped(element.text), _escaped(element.tail)
    for name, value in element.attrib.items():
        if "&" in value:
            element.set(name, _escaped(value))


def _escaped(text: str | None) -> str | None:
    return text.replace("&", "&amp;") if text and "&" in text else text


def _spaced(line: str) -> str:
    """A line with its cells two spaces apart."""
    return "  ".join(cell.strip() for cell in line.split(_GAP)).strip() if _GAP in line else line


@cache
def _blocks() -> frozenset[str]:
    """The tags that begin a line."""
    from lxml.html import defs

    inline = {"ins", "del", "col", "colgroup", "isindex", "noscript"}
    blocks: frozenset[str] = defs.block_tags - inline | {"section", "details", "summary"}
    return blocks


@cache
def _library() -> tuple[frozenset[str], Any]:
    """The names of all tags, and how text is laid out. Loaded when the first HTML comes, which few mappings have."""
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.html_properties import Display
    from inscriptis.model.config import ParserConfig
    from inscriptis.model.html_element import HtmlElement as Style
    from lxml.html import defs

    # The strict profile is the one that does not indent: every mail client wraps its text in boxes.
    css = dict.fromkeys(_blocks(), Style(display=Display.block)) | CSS_PROFILES["strict"]
    config = ParserConfig(css=css, display_images=True, display_links=True)
    return frozenset(defs.tags), config
