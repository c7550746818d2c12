"""Reading report.html as strictly as a machine can, without a browser."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

#: Elements inside a line.
_INLINE = {"bdi", "code", "a", "span", "strong"}
#: Elements without an end.
_EMPTY = {"meta", "br", "hr", "img", "input", "link"}
#: Elements and attributes by which a page would run or load something.
_RUNS = {"script", "iframe", "object", "embed", "link", "img", "form", "base", "video", "audio"}


class Page(HTMLParser):
    """A page whose elements are all closed in order.

    Attributes:
        text: What a reader sees, white space folded.
        tags: How many elements there are of each name.
        attributes: Those of each element, by name.
        headings: Levels of the headings, in order.
        problems: What a strict reader does not accept.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: dict[str, list[dict[str, str]]] = {}
        self.headings: list[int] = []
        self.problems: list[str] = []
        self._open: list[str] = []
        self._texts: list[str] = []
        source = path.read_text(encoding="utf-8")
        assert source.startswith("<!doctype html>\n<html lang="), source[:80]
        self.feed(source)
        self.close()
        self.problems += [f"<{tag}> is not closed" for tag in self._open]
        self.text = " ".join("".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self.attributes.setdefault(tag, []).append(given)
        self.problems += [f"<{tag} {name}>" for name in given if name.startswith("on") or name in ("src", "style")]
        if tag in _RUNS:
            self.problems.append(f"<{tag}>")
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        if tag == "th" and "scope" not in given:
            self.problems.append("<th> without a scope")
        if tag == "svg" and not {"role", "aria-label"} <= given.keys() and given.get("aria-hidden") != "true":
            self.problems.append("<svg> without words")
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> closes something else")
        if tag not in _INLINE:
            self._texts.append(" ")

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self._texts.append(data)
