"""What all tests share: coroutine tests, and nothing that outlives a test."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from ledgers import memory
from naming import short
from office import SOFFICE, Office
from program import Program

# In the background of a shell, or under nohup, these are ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

#: Seconds after which a coroutine test is taken to hang.
PATIENCE = 60


#: A busy machine is no failure; a fixture may be the same for all examples.
_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
settings.register_profile("change", max_examples=40, derandomize=True, **_CALM)  # type: ignore[arg-type]
settings.register_profile("soak", max_examples=2000, print_blob=True, **_CALM)  # type: ignore[arg-type]
settings.load_profile("change")


# Nobody but the servers of the tests is talked to, and each run would take some milliseconds to load all authorities.
os.environ["SSL_CERT_FILE"] = os.devnull

# Whatever collecting makes stays, so nobody needs to look for garbage in it, now or later: a fifth of all the time.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first: at the end of a run nobody is left alone with one of them."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why tests were skipped, which says what to install: each reason once, with the number of tests."""
    reasons = Counter(str(report.longrepr[2]) for report in terminalreporter.getreports("skipped"))
    if reasons:
        terminalreporter.section("skipped")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count:>4}  {reason.removeprefix('Skipped: ')}")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Texts are shortened; bytes show the name of their parameter, as they may hold times and random numbers."""
    if isinstance(val, str):
        return short(val) or argname
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """An ``async def`` test runs in an event loop of its own; the fixture ``loop_factory`` chooses which kind."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    loop_factory = pyfuncitem.funcargs.get("loop_factory")

    async def story() -> None:
        async with asyncio.timeout(PATIENCE):
            await pyfuncitem.obj(**given)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(story())
    return True


@pytest.fixture(params=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> object:
    """Both event loops that the importer runs on; tests about sockets ask for it."""
    if request.param == "asyncio":
        return asyncio.new_event_loop
    return pytest.importorskip("uvloop").new_event_loop


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """An empty folder that is quick, for tests that write ledgers and do not care about disks."""
    with tempfile.TemporaryDirectory(prefix="case-importer-test-", dir=memory()) as folder:
        yield Path(folder)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The command, in an empty folder of its own."""
    return Program(tmp_path)


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """LibreOffice is there (see :mod:`office`), or the test is skipped, loudly."""
    if SOFFICE is None:
        pytest.skip("LibreOffice (soffice) is missing: apt-get install libreoffice-calc-nogui")
    return Office(tmp_path_factory.mktemp("office"))
