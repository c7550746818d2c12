"""From a request on a socket to an answer on a socket: admission, faults, operation.

The order is that of a gateway in front of a service: host, token, rate, scope; then the fault script; then latency;
then the operation, which validates and commits; then the answer, as far as the fault script lets it through.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from importer.sandbox.answers import GATEWAY_CODES, Answer, Refusal, envelope, with_retry_hint
from importer.sandbox.backstage import Backstage
from importer.sandbox.calls import Call, is_loopback
from importer.sandbox.conditions import ListMode
from importer.sandbox.desk import Desk
from importer.sandbox.directory import Directory
from importer.sandbox.effects import Effect, Scene
from importer.sandbox.faults import FaultPlan, Script
from importer.sandbox.fields import default_definitions
from importer.sandbox.grants import Clients, TokenEndpoint
from importer.sandbox.line import Line
from importer.sandbox.options import SandboxOptions
from importer.sandbox.people import users_of
from importer.sandbox.rate import Window
from importer.sandbox.routes import Operation, Routes, operations_of
from importer.sandbox.store import Store
from importer.sandbox.tokens import Tokens

log = logging.getLogger(__name__)


class App:
    """One account behind one gateway.

    Args:
        options: What the sandbox was told.
        store: The account's cases.
        clock: Seconds since the epoch.
        monotonic: Seconds that never jump, for token lives and rates.
    """

    def __init__(
        self,
        options: SandboxOptions,
        *,
        store: Store,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.closing = asyncio.Event()
        self._options = options
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._mode = ListMode(int(options.index_lag_s * 1000), options.fuzzy, options.filters == "ignore")
        self._window = Window(options.rate_limit)
        self._tokens = Tokens(
            life=options.token_life, static=options.static_token, scopes=options.scopes, clock=monotonic
        )
        self._routes = Routes(self._operations())
        self._backstage = Backstage(store, self.state)
        self._requests: Counter[str] = Counter()
        self._answers: Counter[int] = Counter()
        self.play(options.faults)

    def _operations(self) -> tuple[Operation, ...]:
        options = self._options
        definitions = self._store.remembering(options.definitions) or default_definitions()
        users = users_of(options.seed, options.user_count)
        desk = Desk(options, store=self._store, definitions=definitions, users=users, clock=self._clock)
        clients = Clients(
            client_id=options.client_id, client_secret=options.client_secret, public_keys=options.public_keys
        )
        directory = Directory(users=users, definitions=definitions)
        endpoint = TokenEndpoint(clients=clients, tokens=self._tokens)
        return operations_of(desk=desk, directory=directory, endpoint=endpoint)

    def play(self, plan: FaultPlan) -> None:
        """Begin a fault plan from its start, in place of the one being played."""
        self._plan = plan
        self._script = Script(plan)

    def state(self) -> dict[str, Any]:
        """Counts that tests and people ask for."""
        return {
            "id": self._store.id,
            "plan": self._plan.name,
            "cases": {place.name.lower(): count for place, count in self._store.counts().items()},
            "requests": dict(self._requests),
            "answers": {str(status): count for status, count in sorted(self._answers.items())},
            "faults": dict(self._script.done),
            "tokens_issued": self._tokens.count,
            "rate_limit": self._options.rate_limit,
            "most_in_one_second": self._window.peak,
        }

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever it is."""
        line = Line(request, self.closing)
        try:
            return await self._serve(request, line)
        except Refusal as refusal:
            return line.respond(self._counted(refusal.answer(GATEWAY_CODES)))

    async def _serve(self, request: web.BaseRequest, line: Line) -> web.StreamResponse:
        if not is_loopback(request.headers.get("Host", "")):
            raise Refusal(421)
        shown = self._backstage.find(request.method, request.path)
        if shown is not None:
            return await shown(request, line)
        operation, ident = self._routes.find(request.method, request.path)
        self._requests[operation.name] += 1
        call = Call(request, name=operation.name, ident=ident)
        refused = self._not_admitted(operation, call)
        if refused is not None:
            return line.respond(self._counted(refused))
        effect = self._script.unread(call)
        if effect is None:
            call.body = await _body_of(request)
            effect = self._script.choose(call)
        return await effect.send(line, self._counted(await self._acted(operation, call, effect=effect)))

    def _not_admitted(self, operation: Operation, call: Call) -> Answer | None:
        """The refusal of the gateway, or None if the call may go on."""
        if operation.scope is None:
            return None
        scopes = self._tokens.scopes_of(call.authorization)
        if scopes is None:
            return envelope(401, codes=operation.codes)
        wait = self._window.wait(self._monotonic())
        if wait:
            return self._limited(wait)
        return None if operation.scope in scopes else envelope(403, codes=operation.codes)

    def _limited(self, wait: float) -> Answer:
        answer, form = envelope(429), self._options.retry_after
        return answer if form == "none" else with_retry_hint(answer, seconds=wait, form=form, now=self._clock())

    async def _acted(self, operation: Operation, call: Call, *, effect: Effect) -> Answer:
        """The answer of the operation, after latency, run as often and bent as the effect wants it."""
        held = effect.delay_s() + self._options.latency_ms / 1000
        if held:
            await asyncio.sleep(held)
        call.mode = effect.listing(self._mode)
        answer = envelope(500)
        for _ in range(effect.runs()):
            answer = await self._run(operation, call)
        scene = Scene(self._clock(), self._store.earlier, self._tokens.expire_all)
        return effect.bend(answer, scene)

    async def _run(self, operation: Operation, call: Call) -> Answer:
        try:
            return await operation.run(call)
        except Refusal as refusal:
            return refusal.answer(operation.codes)
        except Exception:
            log.exception("operation failed", extra={"operation": operation.name})
            return envelope(500)

    def _counted(self, answer: Answer) -> Answer:
        self._answers[answer.status] += 1
        return answer


async def _body_of(request: web.BaseRequest) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as problem:
        raise Refusal(413) from problem
