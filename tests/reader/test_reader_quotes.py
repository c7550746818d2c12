"""Broken quotes: one bad row where the damage is contained, a refused file where it is not."""

from __future__ import annotations

import pytest
from reader_rows import cells_of, problems_of, rows_of

from importer.errors import SourceError
from importer.reader import limits, open_reader


def test_text_after_a_closing_quote_spoils_the_row_and_its_text_is_kept(save):
    source = open_reader(save('id,t\n1,a\n2,"x"y\n3,b\n4,"c"\n'))
    assert problems_of(source) == {3: [("broken_quotes", None)]}
    assert cells_of(source) == [("1", "a"), ('2,"x"y',), ("3", "b"), ("4", "c")]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_text_after_a_closing_quote_in_the_last_line(save, end):
    source = open_reader(save(f'id,t\n1,a\n2,"x"y{end}'))
    assert cells_of(source) == [("1", "a"), ('2,"x"y',)]


def test_many_rows_with_broken_quotes_are_each_told(save, monkeypatch):
    lines = [f'{n},"x"y' if n % 3 else f"{n},z" for n in range(3000)]
    monkeypatch.setattr(limits, "CHUNK_ROWS", 100)
    source = open_reader(save("id,t\n" + "\n".join(lines)))
    assert len(problems_of(source)) == 2000
    assert len(rows_of(source)) == 3000
    assert max(len(chunk.frame) + len(chunk.bad_rows) for chunk in source.chunks()) == 100


def test_an_inch_sign_does_not_cast_doubt_on_the_rows_after_it(save):
    source = open_reader(save('id,t,u\n1,"5" pipe",x\n2,b,c\n3,"q\nr",d\n'))
    assert list(problems_of(source)) == [2]
    assert cells_of(source)[1:] == [("2", "b", "c"), ("3", "q\nr", "d")]


def test_the_rest_of_a_broken_cell_is_not_taken_for_a_row(save):
    """The second line has as many commas as the header, yet it belongs to the first."""
    source = open_reader(save('id,t\n5,"He said "hi" and left,\nso, we stayed"\n6,b\n'))
    assert problems_of(source) == {2: [("broken_quotes", None)], 3: [("after_broken_quotes", None)]}
    assert cells_of(source)[-1] == ("6", "b")


def test_an_unclosed_quote_early_in_a_long_file_is_refused_with_its_line(save):
    lines = ["id,t", *(f"{n},x" for n in range(100_000))]
    lines[7] = '7,"x'
    source = open_reader(save("\n".join(lines)))
    with pytest.raises(SourceError, match="the row that begins in line 8 has a quote that is never closed") as error:
        rows_of(source)
    assert error.value.where == "tickets.csv:8"
    assert error.value.hint.startswith("close it")


def test_an_unclosed_quote_among_quoted_cells_is_refused_with_its_line(save):
    """The next quoted cell closes it, so the reader stumbles over stray text lines later."""
    lines = ["id,t", *(f'{n},"x"' for n in range(100))]
    lines[7] = '7,"x'
    with pytest.raises(
        SourceError, match="begins in line 8 has a quote that is not closed before other text in line 9"
    ):
        rows_of(open_reader(save("\n".join(lines))))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,b,c\n1,"x\ny","z\n2,a,b\n', 2),
        ('a,b,c\n1,2,3\n"x\n', 3),
        ('a,b,c\n1,2,"', 2),
        ('a,b,c\r1,2,"\r3,4,5', 2),
        ('a,b,c\n1,"say ""x"" or ""y"" to\n2,a,b\n', 2),
        ('a,b,c\n1,x"y,"z\n2,a,b\n', 2),
        ('a,b,c\n1,2,"a\nb"c\n', 2),
        ('a,b,c\n1,"x","y\nz\n"w\n', 2),
        ('a;b;c\n"a"";""b\n";"c\n', 2),
    ],
)
def test_the_line_named_is_the_one_where_the_row_begins(save, text, line):
    with pytest.raises(SourceError) as error:
        rows_of(open_reader(save(text)))
    assert error.value.where == f"tickets.csv:{line}"


def test_rows_before_an_unclosed_quote_are_handed_out_first(save, monkeypatch):
    monkeypatch.setattr(limits, "CHUNK_ROWS", 5)
    chunks = open_reader(save("id,t\n" + '"1",x\n' * 10 + '2,"y\n3,z\n')).chunks()
    assert len(next(chunks).frame) == len(next(chunks).frame) == 5
    with pytest.raises(SourceError, match="line 12"):
        next(chunks)


def test_broken_quotes_in_the_header_are_refused(save):
    for header in ('id,"t"x', 'id,"t'):
        with pytest.raises(SourceError, match="the header has an unclosed quote") as error:
            open_reader(save(f"{header}\n1,2\n3,4\n"))
        assert error.value.where == "tickets.csv:1"


CUT = ("split_row", "t")
REST = ("too_few_fields", None)


@pytest.mark.parametrize("size", [2, 3, 500])
@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("1,a,x\n2,b,first\rsecond\n3,c,y\n", {3: CUT, 4: REST}),
        ("1,a,x\n2,b,first\rsecond\rthird\n3,c,y\n", {3: CUT, 4: REST, 5: REST}),
        ("1,a,x\n2,b,first\r\nsecond\n3,c,y\n", {3: CUT, 4: REST}),
        ("1,a,x\n2,b,one\rtwo,three,four\n3,c,y\n", {3: CUT, 4: ("after_split_row", None)}),
        ('"1",a,x\n2,b,first\rsecond\n3,c,y\n', {3: CUT, 4: REST}),
        ("1,a,x\n2,b,first\nsecond\n3,c,y\n", {3: CUT, 4: REST}),
        ("1,a,x\n2,b,Dear Ana\n\nKind regards, Bo\n3,c,y\n", {3: CUT, 5: REST}),
        ("1,a,x\n2,b\n3,c,y\n", {3: REST}),
        ("1,a,x\n2,b\n\0\n", {3: REST, 4: REST}),
        ("1,a,x\n\0\n2,b,y\n", {3: REST}),
        ('1,"a",x\n2,b,y\n\n3 rows\n', {5: REST}),
    ],
)
def test_a_row_that_a_line_break_without_quotes_cuts_is_not_sent(save, monkeypatch, size, text, problems):
    """The row above the rest would be a case with half of its text; where a program quotes, there is none."""
    monkeypatch.setattr(limits, "CHUNK_ROWS", size)
    source = open_reader(save(f"id,b,t\n{text}"))
    assert problems_of(source) == {number: [problem] for number, problem in problems.items()}
    numbers = [row.number for row in rows_of(source)]
    assert numbers == sorted(numbers)


def test_a_line_break_without_quotes_in_a_file_of_windows(save):
    source = open_reader(save("id,b,t\r\n1,a,x\r\n2,b,first\nsecond\r\n3,c,first\rsecond\r\n4,d,y\r\n"))
    assert problems_of(source) == {3: [CUT], 4: [REST], 5: [CUT], 6: [REST]}


def test_a_space_before_an_opening_quote_is_told(save):
    source = open_reader(save('id,t\n1, "a"\n2,b\n'))
    assert cells_of(source) == [("1", ' "a"'), ("2", "b")]
    assert any("space before their opening quote" in note for note in source.notes)
    assert not any("opening quote" in note for note in open_reader(save('id,t\n1,"a"\n2,say "b"\n')).notes)
