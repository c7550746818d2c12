"""One time that a verb holds a ledger and talks to an account: its settings, what stops it, and how it ended."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TypedDict

from importer.delivery.workers import Stop
from importer.errors import CaseImporterError, ExitCode
from importer.ledger import Ledger
from importer.pipeline.sending import refuse_wrong_credentials
from importer.plain import listening
from importer.progress import Progress
from importer.settings import Settings
from importer.settings_sources import load_settings


class AccountOptions(TypedDict, total=False):
    """What each verb takes that talks to an account.

    Attributes:
        settings: Target, rate, credentials; by default from environment and ``.env``.
        progress: Is told what happens.
        stop: Stops the verb. Without it the signals of the process do.
    """

    settings: Settings | None
    progress: Progress | None
    stop: Stop | None


def usable_settings(settings: Settings | None, near: Path | None = None) -> Settings:
    """The settings given, or those of the environment and of a file, here or in the folder ``near`` by.

    Raises:
        ConfigError: there is no target, no credentials for it, or no usable CA file.
    """
    settings = settings or load_settings(near=near)
    settings.require_target()
    return settings


class Session:
    """What verbs share that hold a ledger and talk to an account.

    Args:
        near: Folder of the export or of the ledger, see :func:`usable_settings`.
        settings, progress, stop: See :class:`AccountOptions`.
    """

    def __init__(
        self,
        near: Path,
        *,
        settings: Settings | None = None,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.settings = usable_settings(settings, near)
        self.progress = progress or Progress()
        self.stop = stop or Stop()
        self._hears_signals = stop is None
        self._heard: list[int] = []
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return round(time.monotonic() - self._begun, 3)

    @asynccontextmanager
    async def holding(self, path: Path, verb: str) -> AsyncIterator[Ledger]:
        """The ledger at ``path``, locked, if it is of this account, and the account accepts the credentials."""
        await refuse_wrong_credentials(self.settings)
        with Ledger(path, verb=verb) as ledger:
            ledger.check_target(self.settings.target.name)
            yield ledger

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """While inside, SIGINT, SIGTERM and SIGHUP ask to stop, unless the caller does that: at once the second time.

        One that is ignored (``nohup``) stays ignored. In a loop that is not in the main thread, only SIGINT is heard,
        and only if a plain function waits for the loop.
        """
        if not self._hears_signals:
            yield
            return
        loop, before = asyncio.get_running_loop(), {}
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
                if number is not None and (usual := signal.getsignal(number)) is not signal.SIG_IGN:
                    loop.add_signal_handler(number, self._hear, number)
                    before[number] = usual
        try:
            with listening(self._hear):
                yield
        finally:
            for number, usual in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, usual)  # the loop knows no other than the system's own

    def _hear(self, number: int) -> None:
        self._heard.append(number)
        self.stop.request()

    def exit_code(self, error: CaseImporterError | None = None) -> ExitCode | None:
        """That of what ended it early, an error or a signal; None if nothing did."""
        if error is not None:
            return error.exit_code
        if self._heard:
            return ExitCode.INTERRUPTED if self._heard[0] == signal.SIGINT else ExitCode.TERMINATED
        return None
