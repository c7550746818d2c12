"""The files in sample_data/ are what generate.py writes, and nobody in them exists."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"
NAMES = ("zendesk", "jira", "servicenow")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    command = [sys.executable, "-B", str(SAMPLES / "generate.py"), "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def expected_rows(name: str) -> list[dict[str, str]]:
    with (SAMPLES / "expected" / f"{name}.results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_script_writes_every_file_that_is_not_a_source_of_it(generated: Path) -> None:
    sources = {"generate.py", "invented.py", "specials.py", "vocabulary.toml", ".gitattributes"}
    sources |= {"small.py", "small_rows.py", "zendesk.yml", "jira.yml", "servicenow.yml"}
    shipped = {file for file in files(SAMPLES) if "__pycache__" not in file and not file.startswith("small/")}
    assert files(generated) == shipped - sources


def test_the_script_writes_the_same_bytes_again(generated: Path) -> None:
    """A change of the generator without its output, or the other way round, would make ``expected/`` a guess."""
    for file in files(generated) - {"servicenow-incidents.xlsx"}:
        assert (generated / file).read_bytes() == (SAMPLES / file).read_bytes(), file


def test_the_script_writes_the_same_workbook_again(generated: Path) -> None:
    """Compared unpacked: how well it is packed depends on the zlib of the machine."""

    def parts(folder: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(folder / "servicenow-incidents.xlsx") as book:
            return {name: book.read(name) for name in book.namelist()}

    assert parts(generated) == parts(SAMPLES)


def test_all_files_together_are_small() -> None:
    assert sum((SAMPLES / file).stat().st_size for file in files(SAMPLES)) < 2_000_000


@pytest.mark.parametrize("name", NAMES)
def test_right_rows_have_keys_of_their_own(name: str) -> None:
    keys = Counter(row["key"] for row in expected_rows(name) if row["state"] == "created")
    assert [key for key, times in keys.items() if times > 1 or not key] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_skipped_row_has_the_key_of_a_row_before_it(name: str) -> None:
    created: set[str] = set()
    for row in expected_rows(name):
        if row["state"] == "created":
            created.add(row["key"])
        if row["state"] == "skipped":
            assert row["key"] in created


@pytest.mark.parametrize("name", NAMES)
def test_wrong_rows_are_few_and_of_many_kinds(name: str) -> None:
    """The demo must look like a real export: mostly right, and wrong in more ways than one."""
    rows = expected_rows(name)
    wrong = [row["code"] for row in rows if row["state"] != "created"]
    assert 0.01 < len(wrong) / len(rows) < 0.04
    assert len(set(wrong)) >= 10


def test_addresses_and_phones_belong_to_nobody(generated: Path) -> None:
    with zipfile.ZipFile(generated / "servicenow-incidents.xlsx") as book:
        texts = [book.read("xl/sharedStrings.xml").decode()]
    texts += [path.read_text(encoding="utf-8-sig") for path in generated.glob("*.csv")]
    hosts = {host for text in texts for host in re.findall(r"@([\w-]+(?:\.[\w-]+)+)", text)}
    phones = {phone for text in texts for phone in re.findall(r"\+\d[\d-]{6,}", text)}
    assert hosts == {"example.com", "example.org", "example.net"}
    assert all(re.fullmatch(r"\+1-555-01\d\d", phone) for phone in phones)
