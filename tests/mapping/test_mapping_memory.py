"""What became of a text is remembered, so that a column of few different texts costs few conversions."""

from __future__ import annotations

import pytest

from importer.mapping.cell_errors import CellError, missing
from importer.mapping.parts import REMEMBERED, remembering
from importer.mapping.targets import Target, case_target, custom_target, note_target

TITLE = case_target("title")


class Reader:
    """Notes what it reads; an empty text is none."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, text: str) -> str:
        self.read.append(text)
        if not text:
            raise missing()
        return text


def test_a_text_is_read_once() -> None:
    reader = Reader()
    value_of = remembering(reader, TITLE)
    assert [value_of(text) for text in ("a@b.de", "c@d.de", "a@b.de")] == ["a@b.de", "c@d.de", "a@b.de"]
    assert reader.read == ["a@b.de", "c@d.de"]


@pytest.mark.parametrize("bad", ["", "x" * 151], ids=["that cannot be read", "that the case does not take"])
def test_a_text_that_is_wrong_is_wrong_each_time(bad: str) -> None:
    reader = Reader()
    value_of = remembering(reader, TITLE)
    for _ in range(2):
        with pytest.raises(CellError):
            value_of(bad)
    assert reader.read == [bad, bad]


def test_what_came_long_ago_is_forgotten() -> None:
    """So memory does not grow with the rows; what comes again and again stays."""
    reader = Reader()
    value_of = remembering(reader, TITLE)
    for number in range(3 * REMEMBERED):
        value_of(f"{number}@b.de")
        value_of("often@b.de")
    assert reader.read.count("often@b.de") == 1
    value_of("0@b.de")
    assert reader.read.count("0@b.de") == 2


@pytest.mark.parametrize(
    "target", [case_target("description"), note_target("note_body"), custom_target("multi_line_text1")]
)
def test_long_texts_are_not_remembered(target: Target) -> None:
    """A description that is looked up in `values`, and kept if it is not there, comes here too."""
    reader = Reader()
    value_of = remembering(reader, target)
    assert [value_of(text) for text in "aa"] == ["a", "a"]
    assert reader.read == ["a", "a"]
