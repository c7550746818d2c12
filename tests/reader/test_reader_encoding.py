"""Encodings: byte order mark, the user's word, UTF-8; anything else is refused, with a suggestion."""

from __future__ import annotations

import codecs

import pytest
from reader_rows import cells_of, rows_of

from importer.errors import SourceError
from importer.reader import open_reader

TEXT = "id,name\n1,Müller – ʤ😀\n"


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@pytest.mark.parametrize("given", [None, "same", "family"])
def test_byte_order_marks_are_honoured_and_no_part_of_the_header(save, mark, codec, given):
    encoding = {None: None, "same": codec, "family": codec.removesuffix("-le").removesuffix("-be")}[given]
    source = open_reader(save(mark + TEXT.encode(codec)), encoding=encoding)
    assert source.columns == ("id", "name")
    assert cells_of(source) == [("1", "Müller – ʤ😀")]


def test_a_mark_before_a_quoted_header(save):
    assert open_reader(save('\ufeff"id","name"\n1,2\n')).columns == ("id", "name")


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("cp1252", "é€"),
        ("latin-1", "é"),
        ("cp1251", "Привет"),
        ("shift_jis", "サウ"),
        ("gb18030", "服务"),
        ("utf-16-be", "é"),
    ],
)
def test_a_given_encoding_is_used(save, codec, name):
    assert cells_of(open_reader(save(f"id,name\n1,{name}\n".encode(codec)), encoding=codec)) == [("1", name)]


def test_a_given_encoding_wins_over_a_mark_and_it_is_told(save):
    source = open_reader(save("\ufeffid,name\n1,é\n"), encoding="cp1252")
    assert source.columns[0] == "ï»¿id"
    assert any("byte order mark" in note for note in source.notes)


def test_wrong_bytes_are_refused_with_offset_line_and_the_likely_encoding(save):
    head = "id,name\n1,Ann\n2,Bob\n"
    path = save((head + "3,Jürgen Müller\n4,Éva\n").encode("cp1252"))
    with pytest.raises(SourceError) as error:
        open_reader(path)
    assert error.value.where == "tickets.csv:4"
    assert f"byte 0xFC at offset {len(head) + 3} is not UTF-8" in error.value.what
    assert '--encoding cp1252 ("Jürgen")' in error.value.hint


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_wrong_bytes_far_into_a_file_are_found_at_their_place(save, end):
    head = end.join(["id,name", *(f"{number},Grüße €" for number in range(30_000)), "30000,"]).encode()
    source = open_reader(save(head + b"\xe9t\xe9\n"))
    with pytest.raises(SourceError) as error:
        rows_of(source)
    assert error.value.where == "tickets.csv:30002"
    assert f"byte 0xE9 at offset {len(head):,} " in error.value.what


@pytest.mark.parametrize(
    ("text", "codec", "shown"),
    [
        ("サウロン（Sauron、アイヌアの創造の時）", "shift_jis", ['cp932 ("サウロン']),
        ("Не удаётся войти в систему, помогите пожалуйста", "cp1251", ["cp1251", '"Не"']),
        ("Não consigo abrir a aplicação desde terça-feira", "cp1252", ['cp1252 ("Não")', 'cp1250 ("Năo")']),
        ("Der Drucker im Büro druckt “äußerst” schlecht – 5 €", "cp1252", ['cp1252 ("Büro")']),
        ("Copyright © 2024 Acme, all rights reserved", "cp1252", ['cp1252 ("©")']),
        ("Nie mogę się zalogować, drukarka też nie działa, źle", "iso8859-2", ['cp1250 ("Ľle")', 'iso8859-2 ("źle")']),
        ("Účet je stále zablokovaný, žádost číslo dvě řešíme", "cp1250", ['cp1252 ("Úèet")', 'cp1250 ("Účet")']),
        ("Yazıcı sabahtan beri çalışmıyor", "cp1254", ['cp1252 ("çalýþmýyor")', 'cp1254 ("çalışmıyor")']),
        ("打印机无法打印，请尽快帮忙处理一下", "gb18030", ["gb18030", '"打印机']),
    ],
)
def test_one_word_is_shown_as_each_likely_encoding_would_read_it(save, text, codec, shown):
    """So that the person chooses the encoding: between neighbours no program can."""
    path = save(("id,text\n" + f"1,{text}\n" * 5).encode(codec))
    with pytest.raises(SourceError) as error:
        open_reader(path)
    assert all(part in error.value.hint for part in shown)
    assert cells_of(open_reader(path, encoding=codec))[0][1] == text.partition(",")[0]


def test_a_damaged_byte_among_utf8_does_not_lead_to_another_encoding(save):
    """As cp1252 the whole file would be read without an error, and every name would be wrong."""
    with pytest.raises(SourceError, match=r"byte 0xFC at offset \d+ is not UTF-8") as error:
        open_reader(save("id,name\n1,Jürgen\n2,Éva\n".encode() + b"3,M\xfcller\n"))
    assert error.value.where == "tickets.csv:4"
    assert "only this place is damaged" in error.value.hint


def test_a_wrong_given_encoding_is_refused_and_utf8_recognised(save):
    with pytest.raises(SourceError, match="not CP1252") as error:
        open_reader(save("id,name\n1,Ánna\n"), encoding="cp1252")
    assert "remove --encoding" in error.value.hint


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_recognised_but_not_guessed(save, codec):
    path = save("id,name\n1,Ann\n".encode(codec))
    with pytest.raises(SourceError, match="without a byte order mark") as error:
        open_reader(path)
    assert error.value.hint == f"add --encoding {codec}"
    assert cells_of(open_reader(path, encoding=codec)) == [("1", "Ann")]
    with pytest.raises(SourceError, match="no byte order mark, so UTF-16 is ambiguous"):
        open_reader(path, encoding="utf-16")


@pytest.mark.parametrize(("codec", "cut"), [("utf-8", 1), ("utf-16", 1), ("shift_jis", 1)])
def test_a_file_that_ends_inside_a_character_was_cut_off(save, codec, cut):
    path = save("id,name\n1,サ".encode(codec)[:-cut])
    with pytest.raises(SourceError, match="ends inside a character") as error:
        open_reader(path, encoding=None if codec.startswith("utf") else codec)
    assert "cut off" in error.value.hint


@pytest.mark.parametrize("encoding", ["klingon", "base64", "rot13", "idna", "punycode", "\0"])
def test_an_encoding_that_is_none_is_refused(save, encoding):
    with pytest.raises(SourceError, match="unknown encoding"):
        open_reader(save("a\n"), encoding=encoding)


def test_a_lone_surrogate_is_not_utf8(save):
    with pytest.raises(SourceError, match=r"byte 0xED at offset 10 is not UTF-8"):
        open_reader(save(b"id,name\n1,\xed\xa0\x80\n"))


def test_the_sample_of_an_encoding_does_not_end_inside_a_character(save):
    """A letter of two bytes at its end made all encodings impossible that have such letters."""
    rows = "".join(f"{number},プリンターが動きません。再起動をお願いします\r\n" for number in range(3000))
    for spaces in range(2):
        with pytest.raises(SourceError) as error:
            rows_of(open_reader(save((" " * spaces + "id,件名\r\n" + rows).encode("cp932"))))
        assert error.value.hint.startswith("choose the encoding that reads this word right: --encoding cp932")


@pytest.mark.parametrize("text", ["a,b,c\n\0,2,3", "a,b\n1,2\n\0\n3,4\n", "é,b,c\n\0,2,3\n"])
def test_a_few_nul_characters_do_not_make_utf16_of_a_small_file(save, text):
    assert "\0" in "".join("".join(row.cells) for row in rows_of(open_reader(save(text))) if row.problems)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_a_small_file_of_utf16_is_still_recognised(save, codec):
    for text in ("id,t\n1,a\n", "编号,标题\n甲,打印机\n乙,电脑\n"):
        with pytest.raises(SourceError, match=f"looks like {codec.upper()} without a byte order mark"):
            open_reader(save(text.encode(codec)))
