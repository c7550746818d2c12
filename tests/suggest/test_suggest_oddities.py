"""What real exports have and no sample would: a row twice, no header, remarks of the closing, lines of totals."""

from pathlib import Path

from suggest_tables import lines_with, mapped, numbers, table

from importer.suggest.suggesting import suggest
from importer.verbs.suggest import suggest_mapping


def test_a_row_that_is_there_twice_spoils_no_key() -> None:
    source = table({"Number": ["1001", *(str(1000 + n) for n in range(1, 12))], "Subject": ["It burns"]})
    text = suggest(source).text
    assert lines_with(text, "key: ") == ["key: Number"]
    assert "1 row with an earlier one (skipped)" in text


def test_two_rows_that_are_there_twice_do() -> None:
    source = table({"Number": ["1001", "1002", *(str(1000 + n) for n in range(1, 11))], "Subject": ["It burns"]})
    assert "CHECK: a history: 10 tickets in 12 rows, since `Number` repeats" in suggest(source).text


def test_a_header_that_is_a_row_is_pointed_out(tmp_path: Path) -> None:
    export = tmp_path / "x.csv"
    export.write_text("1001,2021-01-01,ana@example.com\n1002,2021-01-02,bo@example.com\n", encoding="utf-8")
    assert (
        "# CHECK: the header looks like data: `1001`, `2021-01-01`, `ana@example.com`;" in suggest_mapping(export).text
    )
    export.write_text("71,The lamp flickers\n72,The lift: it stops\n73,The lift: it stops\n", encoding="utf-8")
    assert "looks like data: `71`, `The lamp flickers`" in suggest_mapping(export).text
    export.write_text("No,2021,2022\n1001,3,4\n1002,5,6\n", encoding="utf-8")
    assert "looks like data: `No`" in suggest_mapping(export).text
    export.write_text("No,Subject\n1001,It burns\nNo,Subject\n1002,It smokes\n", encoding="utf-8")  # joined exports
    assert "looks like data" not in suggest_mapping(export).text
    export.write_text("No,Subject,2022\n1001,It burns,4\n1002,It smokes,6\n", encoding="utf-8")
    assert "looks like data" not in suggest_mapping(export).text


def test_why_it_was_closed_is_no_description() -> None:
    reasons = [f"Case closed on day {n}, and the street is clean again" for n in range(12)]
    text = suggest(table({"ID": numbers(), "Subject": ["It burns"], "closure_reason": reasons})).text
    assert "body: closure_reason" in text
    assert "no description column found" in text


def test_what_is_left_out_is_not_called_wrong() -> None:
    source = table({"ID": [*numbers(11), "Total"], "Subject": [*["It burns"] * 11, ""], "Cost": ["5"]})
    assert sum(case.body is None for case in mapped(suggest(source).text, source)) == 1
    assert "11 ready to send, 1 filtered, 0 invalid" in suggest(source).text
