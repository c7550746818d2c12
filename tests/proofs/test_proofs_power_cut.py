"""Promise P1, assumption A1: the power fails. What was not synced is gone, and still nothing is lost or sent twice.

No special kernel is needed: the ledger lives on ext4 inside a file. At a random time the program is killed and the file
is copied as it is, without what the kernel had not written yet; everything goes on with the copy.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import wrong_builds as wrong
from history import History
from launching import Change, Child
from program import SandboxProcess, until
from scenes import Campaign, rows

from importer.errors import ExitCode

pytestmark = pytest.mark.slow

_MEBIBYTES = 24
_TOOLS = ("mkfs.ext4", "mount", "umount")


def _call(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    _call("mount", "-o", "loop", image, place)
    try:
        yield
    finally:
        _call("umount", "-l", place)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly formatted disk in a file, to be copied."""
    folder = tmp_path_factory.mktemp("disk")
    if os.name != "posix" or os.geteuid() != 0 or not all(map(shutil.which, _TOOLS)):
        pytest.skip("POWER CUTS ARE NOT TESTED: root, mkfs.ext4 and mount are needed")
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(_MEBIBYTES << 20)
    _call("mkfs.ext4", "-q", "-F", image)
    try:
        with _mounted(image, folder / "try"):
            pass
    except subprocess.CalledProcessError:
        pytest.skip("POWER CUTS ARE NOT TESTED: no loop device can be had")
    return image


def _run_until_power_fails(campaign: Campaign, image: Path, *, seconds: float, change: Change) -> bool:
    """Start the command, cut the power so long after its first request, and leave the disk as it is then."""
    before = campaign.server.creates()
    with _mounted(image, campaign.ledger.parent):
        child = Child(campaign.folder, *campaign.command, change=change, variables=campaign.environment)
        until(lambda: campaign.server.creates() > before or child.process.exitcode is not None, what="a request")
        time.sleep(seconds)  # the moment of the cut, which is drawn; nothing is waited for
        was_running = child.process.exitcode is None
        child.process.kill()
        child.end()
        shutil.copyfile(image, image.with_suffix(".cut"))
    os.replace(image.with_suffix(".cut"), image)
    return was_running


def _with_cuts(
    folder: Path,
    disk: Path,
    server: SandboxProcess,
    *more: object,
    count: int,
    cuts: int,
    seed: int,
    change: Change = nullcontext,
) -> tuple[Campaign, History, int]:
    """A campaign with power cuts, to its end."""
    rng = random.Random(seed)
    image = Path(shutil.copyfile(disk, folder / "image"))
    tickets = rows(f"p{folder.name}", count)
    campaign = Campaign(
        folder / "c", server, tickets, ("--concurrency", 16, "--rate", 150, *more), ledger_folder=folder / "mnt"
    )
    happened = sum(
        _run_until_power_fails(campaign, image, seconds=rng.uniform(0.0, 0.4), change=change) for _ in range(cuts)
    )
    with _mounted(image, folder / "mnt"):
        for _ in range(4):
            if campaign.run(change=change).code != ExitCode.TEMPORARY:
                break
        return campaign, campaign.history(), happened


def _assert_exactly_once(campaign: Campaign, history: History, happened: int, *, cuts: int, seed: int) -> None:
    assert happened == cuts, "a run ended before its power cut: more rows are needed"
    assert history.offences == {}, f"seed {seed}: {history.offences}, {campaign.ends[-1]}"
    assert campaign.ends[-1].code == 0


def test_five_power_cuts(disk: Path, server: SandboxProcess, tmp_path: Path) -> None:
    told = _with_cuts(tmp_path, disk, server, count=600, cuts=5, seed=1)
    _assert_exactly_once(*told, cuts=5, seed=1)


def test_a_ledger_that_does_not_sync_is_caught(disk: Path, server: SandboxProcess, tmp_path: Path) -> None:
    """The negative control: the marks of the last moments are gone, and their rows are sent again.

    Nothing is searched: that rows behind the newest case exist already would be found.
    """
    lazily = wrong.built(wrong.syncs_lazily, wrong.believes_any_log)
    _, history, _ = _with_cuts(tmp_path, disk, server, "--accept-existing", count=400, cuts=2, seed=2, change=lazily)
    assert history.duplicated


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_thirty_power_cuts(disk: Path, server: SandboxProcess, tmp_path: Path, seed: int) -> None:
    told = _with_cuts(tmp_path, disk, server, count=6000, cuts=30, seed=seed)
    _assert_exactly_once(*told, cuts=30, seed=seed)
