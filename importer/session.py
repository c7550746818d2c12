"""Pass 2: everything between the ledger and the server, put together for one run."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from importer.delivery.additions import NoteCourier
from importer.delivery.audit import Audit
from importer.delivery.breaker import Breaker, ContradictionError, OutageError
from importer.delivery.budget import RetryBudget
from importer.delivery.causes import Causes
from importer.delivery.deliver import Courier
from importer.delivery.existing import refuse_existing
from importer.delivery.lookup import Lookup
from importer.delivery.pace import Pace
from importer.delivery.pool import Delivered, Pool, Stop
from importer.delivery.queue import RecordQueue
from importer.delivery.reconcile import Reconciler
from importer.delivery.second_pass import SecondPass
from importer.delivery.speed import Speed
from importer.delivery.trust import Trust
from importer.errors import CaseImporterError, TargetError
from importer.ledger import Ledger, LedgerWriter, Selection
from importer.ledger.additions import count_waiting, reopen_refused_additions
from importer.ledger.distrust import distrusted, doubt_again
from importer.ledger.links import next_page
from importer.models import Notice
from importer.plain import listening
from importer.progress import Progress
from importer.settings import Settings
from importer.settings_sources import load_settings
from importer.talkdesk.auth import READ_SCOPE, Credentials, SecretCredentials, Tokens, TokenTrouble
from importer.talkdesk.client import CaseApi, HttpClient


class Place(NamedTuple):
    """A target that can be talked to.

    Attributes:
        identity: What a ledger is pinned to.
        api_url: Base address of the API.
        token_url: Token endpoint; empty if a ready token is used.
        credentials: Gives the credentials, anew each time.
    """

    identity: str
    api_url: str
    token_url: str
    credentials: Callable[[], Credentials]


def sandbox_store(ledger: Path) -> Path:
    """Where the embedded sandbox keeps the cases of a ledger, so that both survive together."""
    return ledger.with_name(ledger.name + ".sandbox")


def usable_settings(settings: Settings | None, near: Path | None = None) -> Settings:
    """The settings given, or those of the environment and a file; checked before any other work is done.

    Args:
        settings: What the caller has.
        near: Where else a settings file may be: the folder of the export or of the ledger.

    Raises:
        ConfigError: there is no target, no credentials for it, or no usable CA file.
    """
    settings = settings or load_settings(near=near)
    settings.require_target()
    return settings


@asynccontextmanager
async def open_place(
    settings: Settings, ledger: Path, account_fields: Sequence[dict[str, Any]] = ()
) -> AsyncIterator[Place]:
    """The target of ``settings``, which are usable; the embedded sandbox is started for it.

    Args:
        settings: Say which target.
        ledger: The embedded sandbox keeps its cases next to it.
        account_fields: Custom fields that the embedded sandbox has, in addition to those that it has already; see
            :attr:`importer.mapping.Mapping.account_fields`.
    """
    target = settings.target
    if target.api_url is not None:
        yield Place(target.name, target.api_url, target.token_url or "", settings.credentials)
        return
    from importer.sandbox import Sandbox, SandboxOptions, definitions_of  # a web server, which no other target needs

    options = SandboxOptions(store=sandbox_store(ledger), definitions=definitions_of(account_fields), any_ids=True)
    async with Sandbox(options) as sandbox:
        known = SecretCredentials(sandbox.client_id, sandbox.client_secret)
        yield Place(f"sandbox:{sandbox.id}", sandbox.base_url, sandbox.token_url, lambda: known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a run is to do.

    Attributes:
        chosen: Which records it is about.
        limit: Send at most so many records; 0 settles doubts only.
        resend: Send records again that turn out not to have been created.
        most_refused: Stop when more rows than this are refused.
        refuse_existing: Stop before the first record if some of them are found to be cases of another ledger.
    """

    chosen: Selection
    limit: int | None = None
    resend: bool = True
    most_refused: int | None = None
    refuse_existing: bool = False


async def send_pending(
    ledger: Ledger, place: Place, settings: Settings, orders: Orders, *, stop: Stop, observer: Progress
) -> Delivered:
    """Settle what is in doubt and send what is pending.

    Args:
        ledger: The queue.
        place: Where to.
        settings: Pace, workers, horizon.
        orders: What to do.
        stop: How others make it stop.
        observer: Is told.

    Raises:
        TargetError: the credentials are refused; nothing was sent.
        ExistingCaseError: a record is a case of another ledger; nothing was sent.
        LedgerError: the ledger failed; what was sent is in it.
    """
    async with (
        HttpClient(
            concurrency=settings.workers,
            fresh_connections=settings.uses_fresh_connections,
            ca_file=str(settings.ca_file) if settings.ca_file else None,
            proxy=settings.through,
        ) as http,
        LedgerWriter(ledger) as writer,
    ):
        tokens = Tokens(http, token_url=place.token_url, credentials=place.credentials)
        await _check_credentials(tokens, place, observer)
        ledger.pin_target(place.identity)
        shared = _shared(
            CaseApi(http, api_url=place.api_url),
            tokens,
            writer,
            settings,
            target=place.api_url,
            most_refused=orders.most_refused,
            stop=stop,
            observer=observer,
        )
        if orders.refuse_existing and _may_read_cases(tokens):
            lookup, notice = shared.lookup, observer.notice
            await refuse_existing(writer, lookup, orders.chosen, stop=stop.gently, notice=notice)
        pool = _pool(shared, settings, orders, stop=stop, observer=observer)
        doubt_again(ledger)  # what a run that was cut short left undone
        pool.take_over(ledger.doubtful(orders.chosen.source))
        delivered = await pool.run()
        if delivered.error is None and not stop.gently.is_set():
            delivered.error = await _send_additions(shared, settings, orders, stop=stop, observer=observer)
    if isinstance(delivered.error, ContradictionError):
        delivered.moved.update(doubt_again(ledger))
    if isinstance(delivered.error, TargetError):
        ledger.reopen_shut_out()
        reopen_refused_additions(ledger, run=ledger.run, statuses=(403, 405))
    return delivered


class _Shared(NamedTuple):
    """What both passes of one run over the network share."""

    api: CaseApi
    ledger: LedgerWriter
    pace: Pace
    budget: RetryBudget
    breaker: Breaker
    lookup: Lookup
    courier: Courier
    trust: Trust


def _shared(
    api: CaseApi,
    tokens: Tokens,
    writer: LedgerWriter,
    settings: Settings,
    *,
    target: str,
    most_refused: int | None,
    stop: Stop,
    observer: Progress,
) -> _Shared:
    pace = Pace(Speed(settings.top_rate, auto=settings.rate == "auto", reserve=settings.reserve))
    if writer.ledger.was_cut_short:
        pace.close_gate(1.0)  # what a killed run sent in its last second counts
    breaker = Breaker(target=target, most_refused=most_refused, on_stop=stop.gently.set, notice=observer.notice)
    budget = RetryBudget(settings.workers)
    trust = Trust(distrusted(writer.ledger), lag=settings.waits.recheck)
    courier = Courier(
        api=api,
        tokens=tokens,
        ledger=writer,
        pace=pace,
        budget=budget,
        breaker=breaker,
        causes=Causes(),
        trust=trust,
        notice=observer.notice,
    )
    lookup = Lookup(api=api, tokens=tokens, pace=pace, breaker=breaker)
    return _Shared(api, writer, pace, budget, breaker, lookup, courier, trust)


def _pool(shared: _Shared, settings: Settings, orders: Orders, *, stop: Stop, observer: Progress) -> Pool:
    """The workers that create cases."""
    writer, breaker = shared.ledger, shared.breaker
    pool = Pool(
        courier=shared.courier,
        audit=Audit(
            trust=shared.trust, lookup=shared.lookup, ledger=writer, breaker=breaker, lag=settings.waits.recheck
        ),
        queue=RecordQueue(
            lambda after, count: writer.call(lambda: next_page(writer.ledger, orders.chosen, after=after, limit=count)),
            released=lambda: bool(writer.ledger.released),
            limit=orders.limit,
        ),
        ledger=writer,
        breaker=breaker,
        stop=stop,
        concurrency=settings.workers,
        grace=settings.grace,
        observer=observer,
        doubts=Reconciler(
            ledger=writer,
            lookup=shared.lookup,
            horizon=settings.waits,
            on_settled=lambda record, state: pool.on_settled(record, state),
            is_outage=lambda: breaker.is_open,
        ),
        resend=orders.resend,
    )
    return pool


async def _send_additions(
    shared: _Shared, settings: Settings, orders: Orders, *, stop: Stop, observer: Progress
) -> CaseImporterError | None:
    """The second pass: the notes that follow, to all cases that wait for some; nothing at all if none does."""
    source, only_doubts = orders.chosen.source, not orders.resend
    writer = shared.ledger
    waiting = await writer.call(lambda: count_waiting(writer.ledger, source, only_doubts=only_doubts))
    if not waiting:
        return None
    observer.following(waiting)
    courier = NoteCourier(
        courier=shared.courier,
        api=shared.api,
        ledger=shared.ledger,
        lookup=shared.lookup,
        pace=shared.pace,
        budget=shared.budget,
        breaker=shared.breaker,
        horizon=settings.waits,
        sends=orders.resend,
        stop=stop,
        observer=observer,
    )
    second_pass = SecondPass(
        courier=courier,
        ledger=shared.ledger,
        source=source,
        only_doubts=only_doubts,
        stop=stop,
        concurrency=settings.workers,
        grace=settings.grace,
    )
    return await second_pass.run() or shared.breaker.stop


async def _check_credentials(tokens: Tokens, place: Place, observer: Progress) -> None:
    """Fail before the first row if there is no token to be had: for good (TargetError), or at the moment.

    A token that cannot read cases is enough to send them, so the user is only told. A server need not say what a token
    may do; then nothing is known.
    """
    try:
        await tokens.authorization()
    except TokenTrouble as trouble:
        raise OutageError(
            f"no token can be had: {trouble}; nothing was sent",
            where=place.token_url,
            hint="check the address, or run the same command again later",
        ) from None
    if not _may_read_cases(tokens):
        text = (
            f"warning: the OAuth client lacks the scope {READ_SCOPE}, so rows with an unknown outcome cannot be settled"
            "\n  hint: add the scope to the OAuth client in Talkdesk Builder"
        )
        observer.notice(Notice("scope_missing", text, {"scope": READ_SCOPE}))


def _may_read_cases(tokens: Tokens) -> bool:
    """Whether searches are worth a try: a token endpoint that names no scopes says nothing against it."""
    return tokens.scopes is None or READ_SCOPE in tokens.scopes


@contextmanager
def stop_on_signals(stop: Stop, heard: list[int]) -> Iterator[None]:
    """While inside, SIGINT, SIGTERM and SIGHUP ask the run to stop: gently first, at once the second time.

    In a loop that is not in the main thread, only SIGINT is heard, and only if a plain function waits for the loop.

    Args:
        stop: Is told.
        heard: Gets the numbers of the signals that came.
    """
    loop = asyncio.get_running_loop()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def hear(number: int) -> None:
        heard.append(number)
        stop.request()

    installed = []
    for name in names:
        number = signal.Signals[name]
        try:
            loop.add_signal_handler(number, hear, number)
            installed.append(number)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
            pass
    try:
        with listening(hear):
            yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
