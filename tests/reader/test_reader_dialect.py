"""The delimiter is found in the header and confirmed by the rows, or the user is asked."""

from __future__ import annotations

import pytest
from reader_rows import cells_of, numbers_of, problems_of

from importer.errors import SourceError
from importer.reader import open_reader


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_common_delimiters_are_found(save, delimiter):
    source = open_reader(save(f"id{delimiter}text\n1{delimiter}a, b; c\n".replace("a, b; c", '"a, b; c|\t"')))
    assert source.columns == ("id", "text")
    assert cells_of(source) == [("1", "a, b; c|\t")]


def test_a_comma_in_a_header_text_does_not_hide_the_semicolons(save):
    source = open_reader(save("id;Name, first;Question a, b, c\n1;Smith, Ann;x\n2;Bob;y, z\n"))
    assert source.columns == ("id", "Name, first", "Question a, b, c")


def test_delimiters_in_the_rows_only_do_not_count(save):
    rows = "".join(f"{n},a;b;c;d|e|f\n" for n in range(50))
    assert open_reader(save("id,text\n" + rows)).columns == ("id", "text")


def test_some_bad_rows_do_not_shake_the_delimiter(save):
    rows = "".join(f"{n};x;y\n" if n % 4 else f"{n};x\n" for n in range(40))
    assert open_reader(save("id;text;more, or less\n" + rows)).columns == ("id", "text", "more, or less")


def test_fully_quoted_files_of_every_delimiter(save):
    for delimiter in ",;\t|":
        text = delimiter.join(['"id"', '"te,xt"', '"m;n"']) + "\n" + delimiter.join(['"1"', '"a\nb;c"', '"d,|"']) + "\n"
        assert open_reader(save(text)).columns == ("id", "te,xt", "m;n")


def test_two_delimiters_that_fit_alike_are_refused_with_both_hints(save):
    with pytest.raises(SourceError, match="the delimiter is ambiguous") as error:
        open_reader(save("a,b;c\n1,2;3\n"))
    assert "--delimiter ','" in error.value.hint
    assert "--delimiter ';'" in error.value.hint


def test_a_given_delimiter_wins(save):
    path = save("a,b;c\n1,2;3\n")
    assert open_reader(path, delimiter=";").columns == ("a,b", "c")
    assert open_reader(path, delimiter=",").columns == ("a", "b;c")
    assert open_reader(path, delimiter="|").columns == ("a,b;c",)


@pytest.mark.parametrize("word", ["tab", "\\t", "\t", "TAB"])
def test_the_tab_can_be_spelled(save, word):
    assert open_reader(save("a\tb\n1\t2\n"), delimiter=word).columns == ("a", "b")


@pytest.mark.parametrize("delimiter", [";;", '"', "\n", "\0"])
def test_a_delimiter_that_cannot_be_one_is_refused(save, delimiter):
    with pytest.raises(SourceError, match="is not a valid delimiter"):
        open_reader(save("a;b\n"), delimiter=delimiter)


@pytest.mark.parametrize("first", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\n"])
def test_the_first_line_by_which_excel_names_the_delimiter(save, first):
    source = open_reader(save(first + "a,x;b\n1;2,3\n"))
    assert source.columns == ("a,x", "b")
    assert numbers_of(source) == [3]
    assert cells_of(source) == [("1", "2,3")]


def test_a_given_delimiter_wins_over_the_first_line_which_is_no_header_anyway(save):
    assert open_reader(save("sep=;\na,b\n1,2\n"), delimiter=",").columns == ("a", "b")


def test_a_single_column_is_a_table_too(save):
    source = open_reader(save('summary\nPrinter broken\n"a, b"\n'))
    assert source.columns == ("summary",)
    assert cells_of(source) == [("Printer broken",), ("a, b",)]


def test_a_single_column_with_a_row_too_wide(save):
    assert problems_of(open_reader(save("a\nx\n1,2\n"))) == {3: [("too_many_fields", None)]}


@pytest.mark.parametrize("delimiter", ["^", "~", ":", "\x1f"])
def test_a_rare_delimiter_is_used_if_it_is_given(save, delimiter):
    path = save(f"id{delimiter}text\n1{delimiter}x\n2{delimiter}y\n")
    assert open_reader(path, delimiter=delimiter).columns == ("id", "text")
    assert open_reader(path).columns == (f"id{delimiter}text",)


def test_one_column_is_refused_when_the_lines_below_have_more(save):
    with pytest.raises(SourceError, match="first line has 1 cell, but the lines below have 3") as error:
        open_reader(save("Ticket export\n1;Ann;a\n2;Bob;b\n"))
    assert "remove the lines above the header" in error.value.hint
