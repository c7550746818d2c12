"""A run without sockets, threads or time: the true delivery around a Case API of a few lines.

Ledger, staging, mapping, sender, workers, rate limiter, response policy and reconciliation are the real ones, put
together as a session does. Time is virtual, so that an hour of waiting takes no time; and a run can be cut off between
any two steps that another process could see, as if it had been killed there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, Self
from unittest.mock import patch
from urllib.parse import parse_qs

import orjson
from ledgers import as_killed
from virtual_time import VirtualLoop, now

from importer.delivery.stopping import Stop
from importer.delivery.workers import Delivered
from importer.ledger import Ledger, LedgerWriter, database
from importer.ledger.records import CreatedCase
from importer.ledger.writer import Group
from importer.progress.progress import Progress
from importer.settings.model import Settings
from importer.talkdesk.transport import Answer, NoAnswer, NotSent
from importer.verbs import ledger_run, session
from importer.verbs.ledger_run import RunOptions
from importer.verbs.session import OpenTarget

EXTERNAL_ID_FIELD = "text1"
#: Longer than this server ever takes to make a case and to list it.
SETTINGS = Settings(api_url="http://127.0.0.1:9", token="x", settle_delay=60.0, concurrency=3, rate=20.0)
LONGEST_WORK, INDEX_LAG = 40.0, 15.0

#: What can become of a request to create a case.
FATES = (
    "created",
    "created, no answer",
    "created, 503",
    "created, no id",
    "created late, no answer",
    "lost, no answer",
    "lost, 503",
    "not sent",
    "refused",
    "too fast",
)
#: What the list of cases can be like.
LISTS = ("honest", "other encoding", "ignores filters", "fails")


class Killed(BaseException):
    """The process is no more."""


class Fuse:
    """Burns down with every step of a run; at its end the process dies, and nothing of it happens any more."""

    def __init__(self, steps: int | None) -> None:
        self._left = steps
        self.is_burnt = False
        self.died = asyncio.Event()

    def burn(self) -> None:
        """One step further."""
        if self._left is not None:
            self._left -= 1
            self.is_burnt = self.is_burnt or self._left < 0
        if self.is_burnt:
            raise Killed


class Case(NamedTuple):
    """A case at the server."""

    id: str
    body: dict[str, Any]
    made_at: float

    @property
    def external_id(self) -> str:
        return str(self.body["custom_fields"][EXTERNAL_ID_FIELD])


class World:
    """The server and its clock; both live on when a run dies."""

    def __init__(self) -> None:
        self.time = 0.0
        self.fates: Sequence[str] = ("created",)
        self.list_is = "honest"
        self.lag = INDEX_LAG  #: seconds until the list shows a case
        self.quiet = 1.0  #: seconds that "too fast" asks for
        self.cases: list[Case] = []
        self.requests = 0

    def make(self, body: bytes, *, after: float = 0.0) -> Case:
        """A new case, or one that will be made in a while whatever becomes of its client."""
        self.cases.append(Case(f"case-{len(self.cases) + 1}", orjson.loads(body), self.time + after))
        return self.cases[-1]

    def truth(self) -> list[dict[str, Any]]:
        """All cases as the history checker wants them, those under way included."""
        return [{"id": case.id, **case.body} for case in self.cases]

    def keys(self) -> list[str]:
        return [case.external_id for case in self.cases]


class Api:
    """One run's way to the server: client and tokens in one."""

    scopes = None  # the server does not say what a token may do
    current = "x"

    def __init__(self, world: World, fuse: Fuse) -> None:
        self._world = world
        self._fuse = fuse
        self._began = world.time

    def _tick(self) -> None:
        self._world.time = self._began + now()

    async def get(self) -> str:
        return "x"

    def reject(self, token: str) -> bool:
        return True

    async def create_case(self, body: bytes, token: str) -> Answer:
        self._fuse.burn()
        self._tick()
        world = self._world
        fate = world.fates[world.requests % len(world.fates)]
        world.requests += 1
        if fate == "not sent":
            raise NotSent("unreachable", "nobody there")
        case = None
        if fate.startswith("created"):
            case = world.make(body, after=LONGEST_WORK if "late" in fate else 0.0)
        self._fuse.burn()
        await asyncio.sleep(0.05)
        return _answer(fate, case, quiet=world.quiet)

    async def list_cases(self, query: str, token: str) -> Answer:
        await asyncio.sleep(0.05)
        self._tick()
        self._fuse.burn()
        if self._world.list_is == "fails":
            return Answer(503, {}, b"{}")
        (wanted,) = orjson.loads(parse_qs(query).get("custom_fields", ["[null]"])[0])
        shown = [case for case in self._world.cases if case.made_at + self._world.lag <= self._world.time]
        found = [case for case in shown if wanted is None or self._fits(case, wanted)]
        data = [{"id": case.id, "custom_fields": orjson.dumps(case.body["custom_fields"]).decode()} for case in found]
        content = {"_embedded": {"data": data}, "total": len(data), "_links": {"self": {"href": "/"}}}
        return Answer(200, {}, orjson.dumps(content))

    def _fits(self, case: Case, wanted: dict[str, Any]) -> bool:
        """The encoding of filters that this server does not read filters nothing."""
        if self._world.list_is == "ignores filters" or ("label" in wanted) is (self._world.list_is != "honest"):
            return True
        return case.external_id == (wanted["value"] if "label" in wanted else wanted[EXTERNAL_ID_FIELD]["value"])


def _answer(fate: str, case: Case | None, *, quiet: float) -> Answer:
    if fate.endswith("no answer"):
        raise NoAnswer("timeout", "no answer in time")
    if fate.endswith("503"):
        return Answer(503, {}, b"{}")
    if fate == "refused":
        return Answer(422, {}, b'{"code": "1", "message": "no"}')
    if fate == "too fast":
        return Answer(429, {"Retry-After": f"{quiet:.0f}"}, b"{}")
    assert case is not None
    return Answer(201, {}, orjson.dumps(case.body | ({} if fate.endswith("no id") else {"id": case.id})))


class AgelessLedger(Ledger):
    """A ledger whose events lie behind by the wall clock, which stands still here; so every case is old enough."""

    def newest_created(self, external_id_field: str | None, *, age: float) -> CreatedCase | None:
        """As the parent's, for an age of nothing: a control case that is too young only makes searches fail."""
        return super().newest_created(external_id_field, age=0.0)


class InlineWriter(LedgerWriter):
    """The writer without its thread; a run can be killed before and behind every commit."""

    def __init__(self, ledger: Ledger, fuse: Fuse) -> None:
        super().__init__(ledger)
        self._fuse = fuse

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def _group(self) -> Group:
        if self._fuse.is_burnt:
            raise Killed
        return super()._group()

    async def _write(self, group: Group) -> None:
        try:
            self.commit(group)
        except Killed:  # this is nobody's turn
            self._fuse.died.set()
            await asyncio.Event().wait()

    def commit(self, group: Group) -> None:
        with database.translated(self.ledger.path), database.transaction(self.ledger.connection):
            group.carry_out(self.ledger)
            self._fuse.burn()
        self._fuse.burn()


def deliver(
    ledger: Ledger,
    world: World,
    fuse: Fuse,
    options: RunOptions,
    *,
    api: Callable[[World, Fuse], Any] = Api,
    settings: Settings = SETTINGS,
    progress: Progress | None = None,
) -> Delivered:
    """Send what is pending and settle what is unknown: the session of a run, but for its ways to the outside.

    Raises:
        Killed: the fuse burnt down.
    """
    began = world.time
    fuse.died = asyncio.Event()  # one process may deliver twice, each time in a loop of its own
    with asyncio.Runner(loop_factory=VirtualLoop) as runner, _make_believe(ledger, api(world, fuse), fuse):
        loop = runner.get_loop()
        loop.set_exception_handler(lambda *_: None)  # what is left of a dead process has nothing to say
        try:
            return runner.run(_deliver(ledger, options, fuse, settings, progress or Progress()))
        finally:
            world.time = began + loop.time() + 1.0


async def _deliver(
    ledger: Ledger, options: RunOptions, fuse: Fuse, settings: Settings, progress: Progress
) -> Delivered:
    target = OpenTarget("here", settings.api_url or "", "", settings.credentials)
    work = ledger_run.send_pending(ledger, target, settings, options, stop=Stop(), progress=progress)
    run, death = asyncio.ensure_future(work), asyncio.ensure_future(fuse.died.wait())
    await asyncio.wait({run, death}, return_when=asyncio.FIRST_COMPLETED)
    if death.done():
        raise Killed
    return run.result()


@contextmanager
def _make_believe(ledger: Ledger, api: Api, fuse: Fuse) -> Iterator[None]:
    outside = {
        "open_transport": lambda _: nullcontext(),
        "CaseApi": lambda *_, **__: api,
        "Tokens": lambda *_, **__: getattr(api, "tokens", api),
    }
    with (
        patch.multiple(session, **outside),
        patch.object(ledger_run, "LedgerWriter", lambda _: InlineWriter(ledger, fuse)),
    ):
        yield


def corpse_of(ledger: Ledger, folder: Path) -> Path:
    """The files as a process leaves them that is killed now; they are taken to ``folder``."""
    copy = as_killed(ledger, folder)
    ledger.connection.close()
    ledger._mark.close()
    ledger._lock.release()
    return copy
