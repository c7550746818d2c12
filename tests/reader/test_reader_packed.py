"""Packed text: .gz, the only member of a .zip, and what cannot be unpacked."""

from __future__ import annotations

import gzip
import io
import random
import zipfile

import pytest
from reader_rows import cells_of, rows_of

from importer.errors import SourceError
from importer.reader import open_reader

TEXT = "id,t\n" + "".join(f"{n},x\n" for n in range(100))


def zipped(**members: str | bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), contents)
    return buffer.getvalue()


def test_gzip_is_read_through(save):
    source = open_reader(save(gzip.compress(TEXT.encode()), "tickets.csv.gz"))
    assert source.name == "tickets.csv.gz"
    assert len(rows_of(source)) == 100


def test_joined_gzip_parts_are_one_file(save):
    parts = gzip.compress(b"id,t\n1,a\n") + gzip.compress(b"2,b\n")
    assert cells_of(open_reader(save(parts, "t.csv.gz"))) == [("1", "a"), ("2", "b")]


def test_the_only_member_of_a_zip_is_read_and_named(save):
    source = open_reader(save(zipped(export__tickets_dot_csv=TEXT), "tickets.zip"))
    assert source.name == "tickets.zip [export/tickets.csv]"
    assert len(rows_of(source)) == 100


def test_what_macos_adds_to_an_archive_is_no_member(save):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.mkdir("export") if hasattr(archive, "mkdir") else None
        archive.writestr("export/tickets.csv", TEXT)
        archive.writestr("__MACOSX/export/._tickets.csv", b"\0")
        archive.writestr("export/.DS_Store", b"\0")
    assert len(rows_of(open_reader(save(buffer.getvalue(), "tickets.zip")))) == 100


def test_several_members_are_refused_by_name(save):
    with pytest.raises(SourceError, match=r"contains 2 files: 'a\.csv', 'b\.csv'") as error:
        open_reader(save(zipped(a_dot_csv=TEXT, b_dot_csv=TEXT), "tickets.zip"))
    assert "unpack" in error.value.hint


def test_an_empty_archive_and_an_empty_member_are_refused(save):
    with pytest.raises(SourceError, match="the archive is empty"):
        open_reader(save(zipped(), "t.zip"))
    with pytest.raises(SourceError, match="the file is empty"):
        open_reader(save(zipped(a_dot_csv=""), "t.zip"))
    with pytest.raises(SourceError, match="the file is empty"):
        open_reader(save(gzip.compress(b""), "t.gz"))


def test_a_member_with_a_password_is_refused(save):
    data = bytearray(zipped(a_dot_csv=TEXT))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(SourceError, match="password-protected"):
        open_reader(save(bytes(data), "t.zip"))


def test_a_workbook_or_an_archive_inside_is_refused(save):
    for inside in (zipped(a_dot_csv=TEXT), gzip.compress(b"a,b\n")):
        with pytest.raises(SourceError, match="contains a workbook or an archive"):
            open_reader(save(gzip.compress(inside), "t.csv.gz"))
        with pytest.raises(SourceError, match="contains a workbook or an archive"):
            open_reader(save(zipped(inner=inside), "t.zip"))


def test_packed_text_is_judged_like_plain_text(save):
    with pytest.raises(SourceError, match="web page"):
        open_reader(save(gzip.compress(b"<html><body>log in</body></html>"), "t.csv.gz"))
    with pytest.raises(SourceError, match=r"t\.zip \[a\.csv\]:2.*not UTF-8"):
        open_reader(save(zipped(a_dot_csv="id,t\n1,é\n".encode("latin-1")), "t.zip"))


def test_a_file_cut_off_anywhere_is_refused(save):
    noise = random.Random(1)
    text = "id,t\n" + "".join(f"{n},{noise.random()}\n" for n in range(3000))
    for name, whole in (("t.csv.gz", gzip.compress(text.encode())), ("t.zip", zipped(a_dot_csv=text))):
        assert len(rows_of(open_reader(save(whole, name)))) == 3000
        for size in range(12, len(whole), len(whole) // 40):
            with pytest.raises(SourceError, match="damaged or incomplete"):
                rows_of(open_reader(save(whole[:size], name)))


def test_progress_follows_the_packed_file(save):
    noise = random.Random(1)
    text = "id,t\n" + "".join(f"{n},{noise.random()}\n" for n in range(50_001))
    for name, whole in (("t.csv.gz", gzip.compress(text.encode())), ("t.zip", zipped(a_dot_csv=text))):
        progress = [chunk.progress for chunk in open_reader(save(whole, name)).chunks()]
        assert progress == sorted(progress)
        assert 0 < progress[0] < 0.5
        assert progress[-1] == 1.0
