"""Pass 2: everything between the ledger and the server, put together for one run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importer.delivery.api_access import ApiAccess
from importer.delivery.case_list import settle_from_list
from importer.delivery.circuit_breaker import CircuitBreaker
from importer.delivery.existing import refuse_existing
from importer.delivery.measuring import measuring
from importer.delivery.rate_limit import RateLimiter
from importer.delivery.reconcile import Reconciler
from importer.delivery.response_policy import SHUT_OUT
from importer.delivery.retry import RetryBudget
from importer.delivery.sender import Sender
from importer.delivery.update_sender import UpdateSender
from importer.delivery.workers import Delivered, RecordQueue, Stop, WorkerOptions, Workers
from importer.errors import OutageError, TargetError
from importer.ledger import Ledger, LedgerWriter
from importer.ledger.case_updates import count_waiting
from importer.ledger.decisions import reopen_refused
from importer.ledger.records import Selection
from importer.models import Credentials, Notice, SecretCredentials
from importer.progress import Progress
from importer.settings import Settings
from importer.talkdesk.auth import READ_SCOPE, Tokens, TokenTrouble
from importer.talkdesk.client import CaseApi
from importer.talkdesk.transport import Transport


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run is to do."""

    chosen: Selection = field(default_factory=Selection)  #: which records it is about
    limit: int | None = None  #: send at most so many records; 0 settles unknown outcomes only
    resend: bool = True  #: send records again that turn out not to have been created
    max_refused: int | None = None  #: stop when more rows than this are refused
    refuse_existing: bool = False  #: stop before the first record if some are found to be cases of another ledger
    solve_untried: bool = False  #: solve cases also if nobody has tried what the account does then
    listed_by: str | None = None  #: read the whole list of cases first; settle what it shows by this custom field


async def send_pending(
    ledger: Ledger, target: OpenTarget, settings: Settings, options: RunOptions, *, stop: Stop, progress: Progress
) -> Delivered:
    """Settle what is unknown and send what is pending; then send the case updates.

    Raises:
        TargetError: the credentials are refused; nothing was sent.
        ExistingCaseError: a record is a case of another ledger; nothing was sent.
        LedgerError: the ledger failed; what was sent is in it.
    """
    chosen, max_refused, before = options.chosen, options.max_refused, ledger.counts(options.chosen.source)
    async with (
        open_api(
            target,
            settings,
            stop=stop,
            progress=progress,
            after_crash=ledger.was_cut_short,
            max_refused=max_refused,
        ) as api,
        LedgerWriter(ledger) as writer,
        measuring(api, writer),
    ):
        ledger.pin_target(target.identity)
        if options.refuse_existing and _may_read_cases(api.tokens):
            await refuse_existing(writer, api, chosen, stop=stop.gently)
        if options.listed_by is not None:
            await settle_from_list(writer, api, options.listed_by, delay=settings.delay, stop=stop.gently)
        budget = RetryBudget(settings.workers)
        how = WorkerOptions(settings.workers, settings.grace, options.resend)
        queue = RecordQueue(
            lambda after, count: writer.call(Ledger.next_page, chosen, after=after, limit=count),
            released=lambda: bool(ledger.released),
            limit=options.limit,
        )
        reconciler = Reconciler(api, writer, delay=settings.delay)
        workers = Workers(Sender(api, writer, budget), queue, reconciler, options=how, stop=stop)
        delivered = await workers.run(ledger.unknown_records(chosen.source))
        if delivered.error is None and not stop.gently.is_set():
            waiting = await writer.call(count_waiting, chosen.source, only_unknown=not options.resend)
            if waiting:
                progress.updating(waiting)
                updates = UpdateSender(
                    api, writer, source=chosen.source, budget=budget, delay=settings.delay, options=how, stop=stop
                )
                delivered.error = await updates.run()
    if isinstance(delivered.error, TargetError):
        reopen_refused(ledger, shut_out=SHUT_OUT)
    delivered.moved = ledger.counts(chosen.source) - before
    return delivered


@asynccontextmanager
async def open_api(
    target: OpenTarget,
    settings: Settings,
    *,
    stop: Stop,
    progress: Progress,
    after_crash: bool = False,
    max_refused: int | None = None,
) -> AsyncIterator[ApiAccess]:
    """The API of a target, with the rate and the patience of ``settings``, and a token.

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
            rate_limit, target=target.api_url, on_stop=stop.gently.set, max_refused=max_refused, notice=progress.notice
        )
        yield ApiAccess(CaseApi(transport, api_url=target.api_url), tokens, rate_limit, breaker, progress)


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
    if not _may_read_cases(tokens):
        what = f"the OAuth client lacks the scope {READ_SCOPE}, so rows with an unknown outcome cannot be settled"
        hint = "add the scope to the OAuth client in Talkdesk Builder"
        progress.notice(Notice("scope_missing", f"warning: {what}", {"scope": READ_SCOPE}, hint))


def _may_read_cases(tokens: Tokens) -> bool:
    return tokens.scopes is None or READ_SCOPE in tokens.scopes  # an endpoint need not list the scopes of a token
