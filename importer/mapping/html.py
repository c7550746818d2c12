"""HTML → text that a person can read. The only module that knows the HTML library.

Cells that promise HTML often hold plain text, or plain text with ``<ana@example.com>`` in it. So only what is a
tag of HTML counts as one, and every other ``<`` is a character: nothing that a person wrote falls into a tag.
"""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from typing import Any

from importer.mapping.field_errors import CellError, is_sendable

#: A ``<``, with the name behind it if it opens or closes a tag. No part can match in two ways: time is linear.
_OPEN = re.compile(r"<(?!!--|!doctype|!\[|\?)(?:/?([a-z][a-z0-9]*(?::[a-z]+)?)(?=[\s/>])(?=[^<>]*>))?", re.IGNORECASE)
_SELF_LINK = re.compile(r"\[([^\[\]\n]+)\]\((?:mailto:)?\1\)")


def readable(text: str) -> str:
    """The text that a browser would show, with the targets of links and the descriptions of pictures.

    A text without any tag keeps its line breaks; only its character references (``&amp;``) are resolved.

    Raises:
        CellError: It is nested too deep to be read whole, or holds what no parser keeps.
    """
    if "<" not in text:
        return unescape(text) if "&" in text else text
    if not is_sendable(text):
        raise CellError("bad_text")
    tags, _ = _library()

    def is_tag(match: re.Match[str]) -> bool:
        name = match[1] or ""
        return ":" in name or name.lower() in tags

    if "<!--" not in text and not any(map(is_tag, _OPEN.finditer(text))):
        return unescape(text)
    escaped = _OPEN.sub(lambda match: match[0] if is_tag(match) else "&lt;" + match[0][1:], text)
    return _SELF_LINK.sub(r"\1", _rendered(escaped)).strip("\n")


def _rendered(text: str) -> str:
    from inscriptis import Inscriptis
    from lxml.html import HTMLParser, document_fromstring

    # Comments and instructions go before the library sees the tree: it would drop the text behind the latter.
    parser = HTMLParser(remove_comments=True, remove_pis=True)
    tree = document_fromstring(f"<body>{text}</body>", parser=parser)
    if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise CellError("unreadable_html")
    rendered: str = Inscriptis(tree, _library()[1]).get_text()
    return rendered


@cache
def _library() -> tuple[frozenset[str], Any]:
    """The names of all tags, and how text is laid out. Loaded when the first HTML comes, which few mappings have."""
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.model.config import ParserConfig
    from lxml.html import defs

    # The strict profile is the one that does not indent: every mail client wraps its text in boxes.
    config = ParserConfig(css=CSS_PROFILES["strict"], display_images=True, display_links=True)
    return frozenset(defs.tags), config
