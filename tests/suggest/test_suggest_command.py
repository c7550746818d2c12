"""``case-importer suggest``: prints or writes, never loses a file, and its mapping goes through check and preview."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_data" / "zendesk-tickets.csv"


def program(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "importer", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, capture_output=True, encoding="utf-8", cwd=folder, env=environment, timeout=60)


def test_it_prints_the_mapping_and_nothing_else(tmp_path: Path) -> None:
    done = program("suggest", SAMPLE, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# Suggested for zendesk-tickets.csv → Talkdesk cases.")
    assert list(tmp_path.iterdir()) == []


def test_suggest_check_preview(tmp_path: Path) -> None:
    written = program("suggest", SAMPLE, "-o", "mapping.yml", folder=tmp_path)
    assert written.returncode == 0
    assert written.stdout.startswith("Wrote mapping.yml: ")
    checked = program("check", SAMPLE, "--mapping", "mapping.yml", folder=tmp_path)
    assert checked.returncode == 3
    assert "1,000 read = 12 invalid + 2 skipped + 986 pending" in checked.stdout
    assert program("preview", SAMPLE, "--mapping", "mapping.yml", folder=tmp_path).returncode == 0


def test_a_file_is_only_overwritten_by_force(tmp_path: Path) -> None:
    target = tmp_path / "mapping.yml"
    target.write_text("precious", encoding="utf-8")
    refused = program("suggest", SAMPLE, "-o", target, folder=tmp_path)
    assert refused.returncode == 2
    assert "exists already" in refused.stderr
    assert target.read_text(encoding="utf-8") == "precious"
    assert program("suggest", SAMPLE, "-o", target, "--force", folder=tmp_path).returncode == 0
    assert "version: 1" in target.read_text(encoding="utf-8")


def test_not_even_force_overwrites_the_export(tmp_path: Path) -> None:
    export = tmp_path / "tickets.csv"
    export.write_text("ID,Subject\n1,Hi\n", encoding="utf-8")
    done = program("suggest", export, "-o", export, "--force", folder=tmp_path)
    assert (done.returncode, export.read_text(encoding="utf-8")) == (2, "ID,Subject\n1,Hi\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.csv",), "there is no such file"),
        ((str(SAMPLE), "-o", "no/such/folder/m.yml"), "cannot be written"),
        ((str(SAMPLE), "--encoding", "klingon"), "klingon"),
    ],
)
def test_mistakes_end_in_a_message(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = program("suggest", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_what_to_do_next_can_be_pasted(tmp_path: Path) -> None:
    """With the options that the export needs to be read, and in quotes where the shell wants them."""
    export = tmp_path / "my tickets.csv"
    export.write_bytes("num;Betreff\n1;Gerät kaputt\n2;Gerät fehlt\n".encode("cp1252"))
    done = program("suggest", export.name, "--encoding", "cp1252", "-o", "m.yml", folder=tmp_path)
    assert "case-importer check 'my tickets.csv' --mapping m.yml --encoding cp1252" in done.stdout
    checked = program("check", export.name, "--mapping", "m.yml", "--encoding", "cp1252", folder=tmp_path)
    assert checked.returncode == 0
