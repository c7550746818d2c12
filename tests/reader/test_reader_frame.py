"""A DataFrame as a source: what pandas holds, as the text a person sees."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from reader_rows import blanks_of, cells_of, numbers_of, problems_of, rows_of

from importer.errors import SourceError
from importer.models import Row
from importer.reader import limits, open_reader

CELLS: list[tuple[Any, str]] = [
    ("007", "007"),
    ("NA", "NA"),
    (b"caf\xc3\xa9", "café"),
    (b"\xff", "\udcff"),
    (7, "7"),
    (12345678901234567890, "12345678901234567890"),
    (12.0, "12"),
    (-0.0, "0"),
    (0.1 + 0.2, "0.30000000000000004"),
    (1e-05, "0.00001"),
    (np.float32(0.1), "0.1"),
    (np.int64(5), "5"),
    (True, "TRUE"),
    (np.False_, "FALSE"),
    (None, ""),
    (float("nan"), ""),
    (pd.NA, ""),
    (pd.NaT, ""),
    (Decimal("12.50"), "12.50"),
    (Decimal("NaN"), ""),
    (pd.Timestamp("2024-03-01"), "2024-03-01"),
    (pd.Timestamp("2024-03-01 14:30"), "2024-03-01 14:30:00"),
    (pd.Timestamp("2024-03-01", tz="Europe/Lisbon"), "2024-03-01 00:00:00+00:00"),
    (pd.Timestamp("2024-03-01 00:00:00.000000001"), "2024-03-01 00:00:00.000000001"),
    (dt.datetime(2024, 3, 1, 14, 30, tzinfo=dt.UTC), "2024-03-01 14:30:00+00:00"),
    (dt.date(2024, 3, 1), "2024-03-01"),
    (dt.time(14, 30), "14:30:00"),
    (pd.Timedelta(hours=36), "36:00:00"),
    (dt.timedelta(minutes=-90), "-01:30:00"),
    (["a", "b"], "['a', 'b']"),
]


@pytest.mark.parametrize(("value", "text"), CELLS)
def test_cells_of_every_type(value, text):
    frame = pd.DataFrame({"id": ["x"], "v": pd.Series([value], dtype=object)})
    assert cells_of(open_reader(frame)) == [("x", text)]


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pd.Series([1.0, float("nan"), 2.5]), ["1", "", "2.5"]),
        (pd.Series([0.1, 2, 3], dtype="float32"), ["0.1", "2", "3"]),
        (pd.Series([1, None, 3], dtype="Int64"), ["1", "", "3"]),
        (pd.Series(["a", None, "c"], dtype="str"), ["a", "", "c"]),
        (pd.Series(["a", "b", "a"], dtype="category"), ["a", "b", "a"]),
        (
            pd.Series(pd.to_datetime(["2024-03-01", None, "2024-03-01 01:00"], format="ISO8601")),
            ["2024-03-01", "", "2024-03-01 01:00:00"],
        ),
        (pd.Series([True, False, None], dtype="boolean"), ["TRUE", "FALSE", ""]),
    ],
)
def test_columns_of_every_type(column, texts):
    frame = pd.DataFrame({"id": ["x"] * 3, "v": column})
    assert [cells[1] for cells in cells_of(open_reader(frame))] == texts


def test_rows_are_numbered_by_position_whatever_the_index(tmp_path):
    frame = pd.DataFrame({"v": ["a", "b", "c"]}, index=[10, 10, 99])
    assert rows_of(open_reader(frame)) == [Row(1, ("a",)), Row(2, ("b",)), Row(3, ("c",))]


def test_repeated_and_unnamed_columns():
    frame = pd.DataFrame([["1", "a", "2", "b"]], columns=["id", "", "id", 2024])
    source = open_reader(frame)
    assert source.columns == ("id", "column B", "id", "2024")
    assert cells_of(source) == [("1", "a", "2", "b")]


def test_floats_that_may_have_lost_digits_are_a_problem_of_their_cell():
    frame = pd.DataFrame({"id": [12345678901234567, None], "t": ["a", "b"]})
    assert problems_of(open_reader(frame)) == {1: [("inexact_number", "id")]}


def test_chunks_blank_rows_and_progress(monkeypatch):
    frame = pd.DataFrame({"a": ["1", None, "3", "4", "5"], "b": ["x", "", None, "y", "z"]})
    monkeypatch.setattr(limits, "CHUNK_ROWS", 2)
    source = open_reader(frame)
    assert numbers_of(source) == [1, 3, 4, 5]
    assert blanks_of(source) == 1
    assert [chunk.progress for chunk in source.chunks()] == [0.4, 0.8, 1.0]


def test_later_changes_of_the_frame_do_not_reach_the_source():
    frame = pd.DataFrame({"a": ["1", "2"]})
    source = open_reader(frame)
    before = source.fingerprint()
    frame.iloc[0, 0] = "changed"
    frame["b"] = "new"
    assert cells_of(source) == [("1",), ("2",)]
    assert source.fingerprint() == before != open_reader(frame).fingerprint()


def test_the_fingerprint_is_that_of_the_texts_and_their_places():
    assert (
        open_reader(pd.DataFrame({"a": [1.0]})).fingerprint() == open_reader(pd.DataFrame({"a": ["1"]})).fingerprint()
    )
    assert (
        open_reader(pd.DataFrame({"a": ["1', '2"], "b": [""]})).fingerprint()
        != open_reader(pd.DataFrame({"a": ["1"], "b": ["2"]})).fingerprint()
    )


def test_lone_surrogates_do_no_harm():
    source = open_reader(pd.DataFrame({"a": pd.Series(["\ud800"], dtype=object)}))
    assert cells_of(source) == [("\ud800",)]
    assert source.fingerprint()


def test_an_empty_frame_has_no_rows_and_says_so():
    source = open_reader(pd.DataFrame({"a": []}))
    assert rows_of(source) == []
    assert any(note.startswith("0 rows") for note in source.notes)


def test_a_named_index_is_told_not_to_be_read():
    source = open_reader(pd.DataFrame({"id": ["1"], "t": ["a"]}).set_index("id"))
    assert source.columns == ("t",)
    assert any("index (id) is not imported" in note for note in source.notes)


@pytest.mark.parametrize("columns", [pd.MultiIndex.from_tuples([("a", "b")]), []])
def test_a_header_of_several_levels_or_none_is_refused(columns):
    frame = pd.DataFrame([["1"]], columns=columns) if len(columns) else pd.DataFrame(index=[0])
    with pytest.raises(SourceError, match="single-level column names"):
        open_reader(frame)


def test_what_is_neither_a_path_nor_a_frame() -> None:
    with pytest.raises(TypeError, match="not dict"):
        open_reader({"id": ["1"]})  # type: ignore[arg-type]
