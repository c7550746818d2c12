"""What a user gets who installs the package: the command, the samples and the bundled mappings."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import PATIENCE, environment
from tickets import read_csv

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The scripts of an environment with the wheel in it, and the libraries it needs, but not this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, _copy(folder / "project"))
    (wheel,) = folder.glob("*.whl")
    home = folder / "env"
    venv.EnvBuilder(with_pip=False, symlinks=True).create(home)
    _pip("--python", home, "install", "--no-deps", "--no-index", wheel)
    (site,) = home.glob("lib/python*/site-packages")
    # The libraries of this environment; its .pth files are not followed, so that the checkout stays out of sight.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    yield home / "bin"
    shutil.rmtree(folder)


def _copy(where: Path) -> Path:
    """What is built is a copy, so that building leaves nothing behind."""
    ignored = shutil.ignore_patterns(".*", "tests", "benchmarks", "__pycache__", "*-import")
    return Path(shutil.copytree(PROJECT, where, ignore=ignored))


def _pip(*arguments: object) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed / "case-importer", *arguments],
        cwd=folder,
        env=environment(PYTHONPATH=""),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.mark.slow
def test_the_demonstration_runs_from_a_wheel(installed: Path, tmp_path: Path) -> None:
    ended = run(installed, tmp_path, "demo")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count(" rows = ") == 2
    for name in ("zendesk-tickets", "servicenow-incidents"):
        results = read_csv(tmp_path / "demo-import" / name / "results.csv")
        assert {line["state"] for line in results} == {"created", "invalid", "skipped"}


@pytest.mark.slow
def test_the_wheel_has_the_mappings_and_is_what_was_imported(installed: Path, tmp_path: Path) -> None:
    place = subprocess.run(
        [installed / "python", "-c", "import importer; print(importer.__file__)"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=""),
        capture_output=True,
        text=True,
    ).stdout
    assert Path(place.strip()).is_relative_to(installed.parent)
    ended = run(
        installed, tmp_path, "preview", str(PROJECT / "sample_data/zendesk-tickets.csv"), "-m", "zendesk", "-n1"
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("row 2 · key 104217\n")
