"""One time that a verb holds a ledger and talks to an account: its settings, the way there, what stops it, its end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from importer.delivery.api_access import ApiAccess
from importer.delivery.circuit_breaker import CircuitBreaker
from importer.delivery.rate_limit import RateLimiter
from importer.delivery.stopping import Stop
from importer.errors import CaseImporterError, ExitCode, OutageError
from importer.ledger import Ledger
from importer.models import Notice
from importer.progress.progress import Progress
from importer.settings.loading import load_settings
from importer.settings.model import Settings
from importer.talkdesk.auth import READ_SCOPE, Tokens, TokenTrouble
from importer.talkdesk.client import CaseApi
from importer.talkdesk.credentials import Credentials, SecretCredentials
from importer.talkdesk.transport import Transport
from importer.verbs.plain import listening


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

    def exit_code(self, error: CaseImporterError | None = None, *, has_sent: bool = False) -> ExitCode | None:
        """That of what ended it early, an error or a signal; None if nothing did.

        What was right when the first request was sent, such as a secret file that is missing for a moment, is no
        mistake of the user: the same command again continues, and no code may say that nothing was sent.
        """
        if error is not None:
            is_late = has_sent and error.exit_code is ExitCode.USAGE
            return ExitCode.TEMPORARY if is_late else error.exit_code
        if self._heard:
            return ExitCode.INTERRUPTED if self._heard[0] == signal.SIGINT else ExitCode.TERMINATED
        return None


@contextmanager
def at_most(seconds: float, stop: Stop) -> Iterator[Stop]:
    """A stop that comes with ``stop``, and gently once so many seconds are over."""
    sooner, loop = Stop(), asyncio.get_running_loop()

    async def pass_on() -> None:
        await stop.gently.wait()
        sooner.gently.set()
        await stop.at_once.wait()
        sooner.at_once.set()

    timer, passing = loop.call_later(seconds, sooner.gently.set), loop.create_task(pass_on())
    try:
        yield sooner
    finally:
        timer.cancel()
        passing.cancel()


# -- the account ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenTarget:
    """A target that can be reached."""

    identity: str  #: what a ledger is pinned to
    api_url: str  #: base address of the API
    token_url: str  #: empty if a static token is used
    credentials: Callable[[], Credentials]  #: gives them, each time again


@asynccontextmanager
async def open_target(
    settings: Settings, ledger: Path, account_fields: Sequence[dict[str, Any]] = ()
) -> AsyncIterator[OpenTarget]:
    """The target of ``settings``, which are usable; the embedded sandbox is started for it.

    The sandbox keeps its cases next to the ledger, so that both survive together; ``account_fields`` of the mapping
    are added to the fields that it has.
    """
    target = settings.target
    if target.api_url is not None:
        yield OpenTarget(target.name, target.api_url, target.token_url or "", settings.credentials)
        return
    from importer.sandbox import Sandbox, SandboxOptions, definitions_of  # a web server, which no other target needs

    store = ledger.with_name(f"{ledger.name}.sandbox")
    options = SandboxOptions(store=store, definitions=definitions_of(account_fields), any_ids=True)
    async with Sandbox(options) as sandbox:
        known = SecretCredentials(sandbox.client_id, sandbox.client_secret)
        yield OpenTarget(f"sandbox:{sandbox.id}", sandbox.base_url, sandbox.token_url, lambda: known)


def open_transport(settings: Settings) -> Transport:
    """The connections that ``settings`` ask for."""
    ca_file = str(settings.ca_file) if settings.ca_file else None
    return Transport(force_close=settings.force_close, ca_file=ca_file, proxy=settings.through)


async def refuse_wrong_credentials(settings: Settings) -> None:
    """Ask for a token before a long file is read. A token endpoint that does not answer is left to pass 2.

    Raises:
        TargetError: the credentials are refused.
    """
    target = settings.target
    if target.api_url is not None:
        async with open_transport(settings) as transport:
            tokens = Tokens(transport, token_url=target.token_url or "", credentials=settings.credentials)
            with suppress(TokenTrouble):
                await tokens.get()


@asynccontextmanager
async def open_api(
    target: OpenTarget,
    settings: Settings,
    *,
    stop: Stop,
    progress: Progress,
    after_crash: bool = False,
    max_refused: int | None = None,
    was_reached: bool = False,
) -> AsyncIterator[ApiAccess]:
    """The API of a target, with the rate and the patience of ``settings``, and a token.

    One that ``was_reached`` by an earlier run is waited for as long as any that is away for a while.

    Raises:
        TargetError: the credentials are refused.
        OutageError: the token endpoint does not answer.
    """
    async with open_transport(settings) as transport:
        tokens = Tokens(transport, token_url=target.token_url, credentials=target.credentials)
        await _check_credentials(tokens, target, progress)
        rate_limit = RateLimiter(settings.top_rate, auto=settings.rate == "auto", reserve=settings.reserve)
        if after_crash:
            rate_limit.pause(1.0)  # what a killed run sent in its last second counts
        breaker = CircuitBreaker(
            rate_limit,
            target=target.api_url,
            on_stop=stop.gently.set,
            max_refused=max_refused,
            notice=progress.notice,
            connect_for=None if was_reached else settings.connect_for,
        )
        try:
            yield ApiAccess(CaseApi(transport, api_url=target.api_url), tokens, rate_limit, breaker, progress)
        finally:
            breaker.close()


async def _check_credentials(tokens: Tokens, target: OpenTarget, progress: Progress) -> None:
    """Fail before the first row if there is no token; one that cannot read cases is enough to send them."""
    try:
        await tokens.get()
    except TokenTrouble as trouble:
        raise OutageError(
            f"cannot get an access token: {trouble}; nothing was sent",
            where=target.token_url,
            hint="check the address, or run the same command again later",
        ) from None
    if not may_read_cases(tokens):
        what = f"the OAuth client lacks the scope {READ_SCOPE}, so rows with an unknown outcome cannot be settled"
        hint = "add the scope to the OAuth client in Talkdesk Builder"
        progress.notice(Notice("scope_missing", f"warning: {what}", {"scope": READ_SCOPE}, hint))


def may_read_cases(tokens: Tokens) -> bool:
    """Whether a token allows searches."""
    return tokens.scopes is None or READ_SCOPE in tokens.scopes  # an endpoint need not list the scopes of a token
