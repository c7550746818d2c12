"""Any table that can be read gets a mapping that loads and fits its columns, whatever it is called and says."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.reader import open_reader
from importer.suggest.suggesting import bound, suggest
from importer.suggest.yaml_text import scalar

ODD_NAMES = r"""a: b|#|{x}|it's|"q"|- x|? y|null|~|@a|%d|*a|&a|!a|> a|a #b|'|\|{|}|{{}}|[a]|a,b|key:|1|no|0x1f|1e5"""
ODD_CELLS = """-|N/A|High|2|01/02/2024|13/02/2024 10:11|a@example.com|yes|no|<p>x</p>|NULL|29/02/2023|a: b|# c|'|{}"""
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.one_of(
    ANY,
    st.sampled_from([*ODD_NAMES.split("|"), "  pad ", "x\ty", "\x85", "\u2028", "|", "| a", "a\n  b: c", "\x00"]),
    st.sampled_from(["id", "Subject", "Priority", "Comment", "Created", "Email", "Description", "Status", "Tags"]),
)
CELLS = ANY | st.sampled_from([*ODD_CELLS.split("|"), "", "x" * 200, "y" * 2100, "line\nline", "\x00", "|"])


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    names = draw(st.lists(NAMES, min_size=1, max_size=6))
    cells = st.lists(CELLS, min_size=len(names), max_size=len(names))
    rows = draw(st.lists(cells, max_size=8))
    return pd.DataFrame(rows, columns=pd.Index(names, dtype=object), dtype=object)


@pytest.mark.slow
@settings(max_examples=20)  # each is a search among many mappings
@given(frames())
def test_a_suggestion_loads_and_fits(frame: pd.DataFrame) -> None:
    source = open_reader(frame)
    suggestion = suggest(source)
    bound(suggestion.text, source.columns)
    assert suggestion.text == suggest(open_reader(frame)).text


@given(NAMES.filter(bool))
def test_a_name_comes_back_from_yaml_as_it_was(name: str) -> None:
    case = f"{{title: {scalar(name)}, description: {{value: x}}}}"
    bound(f"version: 1\nsource: {{key: {scalar(name)}}}\ncase: {case}\n", (name,))


def test_half_a_character_in_a_name_is_refused() -> None:
    frame = pd.DataFrame([["1", "x"]], columns=pd.Index(["id", "a\ud800"], dtype=object), dtype=object)
    with pytest.raises(SourceError, match="incomplete Unicode character"):
        suggest(open_reader(frame))


@pytest.mark.parametrize("columns", [1, 300])
def test_a_wide_table_stays_within_the_size_of_a_mapping(columns: int) -> None:
    names = [f"{'long ' * 100}{number}" for number in range(columns)]
    frame = pd.DataFrame([["x"] * columns] * 3, columns=pd.Index(names, dtype=object), dtype=object)
    assert suggest(open_reader(frame)).text
