"""A mapping is found by name or by path, and no file whatever ends in a traceback."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mapping_files import CASE, Load

import importer
from importer.errors import MappingError
from importer.mapping import load_mapping
from importer.mapping.loader import SIZE_MAX

BUNDLED = Path(importer.__file__).parents[1] / "mappings"


def test_name_hash_and_external_id_field_are_those_of_the_file(load: Load) -> None:
    text = CASE + "external_id_field: multi_line_text3\n"
    mapping = load(text)
    assert (mapping.name, mapping.external_id_field) == ("m.yml", "multi_line_text3")
    assert mapping.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert load(CASE).external_id_field is None


def test_a_path_object_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "with.bom"
    file.write_bytes(b"\xef\xbb\xbf" + CASE.replace("\n", "\r\n").encode())
    assert load_mapping(file).name == "with.bom"


@pytest.mark.parametrize("name", sorted(file.stem for file in BUNDLED.glob("*.yml")))
def test_every_bundled_mapping_is_found_by_its_name(name: str) -> None:
    mapping = load_mapping(name)
    assert mapping.name == name
    assert mapping.sha256 == hashlib.sha256((BUNDLED / f"{name}.yml").read_bytes()).hexdigest()
    assert mapping.sha256 == load_mapping(BUNDLED / f"{name}.yml").sha256


def test_an_installed_package_finds_the_mappings_inside_of_it(tmp_path: Path) -> None:
    """Laid out as the wheel lays it out, away from the checkout."""
    shutil.copytree(Path(importer.__file__).parent, tmp_path / "importer", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "importer" / "_bundled" / "mappings"
    folder.mkdir(parents=True)
    (folder / "only-here.yml").write_text(CASE)
    code = "import importer.mapping as m; print(m.load_mapping('only-here').name); m.load_mapping('only-her')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.stdout == "only-here\n"
    assert "did you mean 'only-here'?" in done.stderr


def test_a_file_of_a_bare_name_is_written_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").write_text(CASE)
    assert load_mapping("./mine").name == "mine"
    with pytest.raises(MappingError, match=r"write ./mine if you mean a file"):
        load_mapping("mine")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "f.yml:1:1: the mapping is empty"),
        (b"\x00\x01\x02", "f.yml:1:1: character 0x0000 is not text"),
        (b"PK\x03\x04\x14\x00", "f.yml:1:3: character 0x0003 is not text"),
        (b"version: 1\ncas\xe9: x\n", "f.yml:2:4: the file is not UTF-8 text"),
        (CASE.encode("utf-16"), "f.yml:1:1: the file is not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n", "f.yml:1:1: the file is not UTF-8 text"),
        (b"#" * (SIZE_MAX + 1), "f.yml: the file is larger than 1 MiB"),
        (b"[" * SIZE_MAX, "f.yml:1:21: nested more than 20 levels deep"),
        (b"Ticket ID,Subject\n1,Hello\n", "f.yml:1:1: the file is not a mapping"),
        (b"<!DOCTYPE html>\n<html></html>\n", "f.yml:1:1: the file is not a mapping"),
    ],
)
def test_what_is_no_mapping_is_refused_with_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.yml").write_bytes(content)
    with pytest.raises(MappingError) as caught:
        load_mapping("f.yml")
    assert str(caught.value).startswith(what)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("no/such/file.yml", "mapping not found: 'no/such/file.yml'"),
        ("nosuchname", "mapping not found: 'nosuchname'"),
        ("", "mapping not found: ''"),
        ("..", "mapping not found: '..'"),
        ("./", "'./' is a folder"),
        ("a\0b.yml", "cannot read mapping 'a\\x00b.yml'"),
        ("x" * 5000 + ".yml", "cannot read mapping 'xxx"),
        (os.devnull, f"cannot read mapping '{os.devnull}': it is not a regular file"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, what: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MappingError) as caught:
        load_mapping(name)
    assert str(caught.value).startswith(what)
    assert caught.value.hint


def test_a_missing_name_is_answered_with_the_bundled_ones() -> None:
    with pytest.raises(MappingError, match="did you mean 'zendesk'"):
        load_mapping("zendeks")
    with pytest.raises(MappingError, match=r"built-in mappings: .*jira.*zendesk"):
        load_mapping("qqqqqqq")


def test_what_is_assumed_is_said(load: Load) -> None:
    fields = "date1: A, date2: {column: A, timezone: UTC}, date3: {column: A, type: date, format: '%d.%m.%Y'}"
    fields += (
        ", date4: {column: A, format: '%d.%m.%Y %H:%M %z'}, date5: {column: A, format: ['%d.%m.%Y %H:%M %z', iso]}"
    )
    mapping = load(CASE + f"  custom_fields: {{{fields}}}\n")
    assert [note.split(":")[0] for note in mapping.notes] == ["custom_fields.date1", "custom_fields.date5"]
