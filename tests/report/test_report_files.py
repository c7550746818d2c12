"""Reports appear whole or not at all, for their owner alone, and never through somebody's link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from importer.errors import ConfigError
from importer.files import whole
from importer.files.whole import make_folder, whole_file


def others(path: Path) -> list[str]:
    """What is next to a file."""
    return [found.name for found in path.parent.iterdir() if found != path]


def test_a_file_is_there_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    with whole_file(path) as file:
        file.write("größe\n")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == "größe\n".encode()
    assert others(path) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("ours"), KeyboardInterrupt()])
def test_if_writing_fails_the_old_file_is_untouched(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "results.csv"
    path.write_text("old")

    def fail() -> None:
        with whole_file(path) as file:
            file.write("new, but not all of it")
            raise error

    with pytest.raises(ConfigError if isinstance(error, OSError) else type(error)):
        fail()
    assert path.read_text() == "old"
    assert others(path) == []


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    path, victim = tmp_path / "results.csv", tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    with whole_file(path) as file:
        file.write("new")
    assert not path.is_symlink()
    assert (path.read_text(), victim.read_text()) == ("new", "precious")


def test_a_link_planted_under_the_temporary_name_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is random; even if it were guessed, nothing would be written through it."""
    monkeypatch.setattr(whole, "token_hex", lambda length: "guessed")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".results.csv.guessed").symlink_to(victim)
    with pytest.raises(ConfigError), whole_file(tmp_path / "results.csv"):
        pass
    assert victim.read_text() == "precious"


def test_a_dangling_link_makes_nothing_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.symlink_to(tmp_path / "elsewhere")
    with whole_file(path) as file:
        file.write("new")
    assert path.read_text() == "new"
    assert others(path) == []


def test_a_pipe_is_replaced_and_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    os.mkfifo(path)
    with whole_file(path) as file:
        file.write("new")
    assert path.is_file()
    assert path.read_text() == "new"


def test_a_hard_link_keeps_its_content(tmp_path: Path) -> None:
    path, victim = tmp_path / "results.csv", tmp_path / "victim"
    victim.write_text("precious")
    path.hardlink_to(victim)
    with whole_file(path) as file:
        file.write("new")
    assert victim.read_text() == "precious"


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot write the file") as refusal, whole_file(path) as file:
        file.write("new")
    assert refusal.value.hint == "free disk space or choose another folder"
    assert others(path) == []


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot write the file"), whole_file(tmp_path / "none" / "results.csv"):
        pass


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_only_its_owner_can_read_a_report(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "out")
        with whole_file(tmp_path / "results.csv") as file:
            file.write("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "results.csv").stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) & 0o077 == 0


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(ConfigError, match="cannot write the file"):
        make_folder(tmp_path / "out")


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o755)
    (tmp_path / "out" / "notes.txt").touch()
    make_folder(tmp_path / "out")
    assert (tmp_path / "out" / "notes.txt").exists()
