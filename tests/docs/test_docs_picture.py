"""The picture in the README shows what the demonstration prints, and nothing that a browser would run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from documents import read

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_is_plain_svg_of_a_fixed_width() -> None:
    root = ElementTree.fromstring(read("docs/terminal.svg"))
    assert root.tag == f"{SVG}svg"
    assert root.attrib["viewBox"].split()[2] == "916"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg",
        "title",
        "style",
        "rect",
        "circle",
        "text",
    }
    assert root.find(f"{SVG}title") is not None


def test_the_picture_shows_the_bar_the_books_and_the_reports() -> None:
    texts = "".join(ElementTree.fromstring(read("docs/terminal.svg")).itertext())
    assert "$ case-importer demo" in texts
    assert "| 980/980 [" in texts
    assert "1,000 rows = 980 created + 18 invalid + 2 skipped" in texts
    assert re.search(r"  demo-import/zendesk-tickets/results\.csv +every row", texts)
    assert not re.search(r"/(?:home|root|tmp|work|Users)/", texts)
