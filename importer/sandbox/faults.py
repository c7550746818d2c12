"""Fault plans: which requests something happens to, and what.

The first rule that fires decides. Each rule counts the requests that it selects, also those that another rule has
struck, but only requests that were admitted: a 401 or 429 uses up nothing. ``chance`` depends on the seed, the text of
the request and how often that text was seen, not on the order in which requests arrive: the same rows meet the same
faults in every run, however many workers send them.

A fault may change how often an operation runs, how truthfully a list answers, what is answered, and how the answer
reaches the client. Faults that end a connection in the middle, or send what is not HTTP, write to
``request.transport``: no response of an HTTP library does that.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import formatdate
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator, with_config

from importer.errors import ConfigError
from importer.sandbox.answers import error_response, json_response
from importer.sandbox.bodies import Status, UpdateBody
from importer.sandbox.storage import Storage

OperationName = Literal["create", "list", "get", "update", "trash", "purge", "fields", "users", "user", "token"]
Count = Annotated[int, Field(ge=1)]

#: What can happen; the attributes that each has, with their defaults.
FAULTS: Mapping[str, dict[str, Any]] = {
    "slow": {"delay_ms": 2000},
    "status": {"status": 503, "save": False, "retry_after": None, "form": "seconds"},
    "html": {"status": 200, "save": True},
    "redirect": {"status": 307, "location": "/login", "save": False},
    "drop": {"save": True, "how": "fin"},
    "cut": {"at": 0, "how": "fin"},
    "hang": {"save": True, "at": 0, "seconds": 3600},
    "garbage": {},
    "without_id": {},
    "repeat_id": {},
    "save_twice": {},
    "expire_tokens": {},
    "index_lag": {"seconds": 60},
    "fuzzy_filter": {},
    "ignore_filter": {},
    "edit": {"set": {}},
}
_OF_LISTS = ("index_lag", "fuzzy_filter", "ignore_filter")
_ENDS_THE_CONNECTION = ("drop", "cut", "hang", "garbage")
_ATTRIBUTES = {name for attributes in FAULTS.values() for name in attributes}
_LOGIN_PAGE = "<!doctype html><title>Log in</title><h1>Please log in</h1>"
_GARBAGE = b"\x16\x03\x01 this is not HTTP\r\n\r\n"
_LINGER_ZERO = struct.pack("ii", 1, 0)
_PROFILES = Path(__file__).with_name("profiles")


@with_config(ConfigDict(strict=True, extra="forbid"))
class Change(UpdateBody):
    """The body of an update that somebody else makes."""


class Rule(BaseModel):
    """What happens, and when: the attributes are those of docs/sandbox.md.

    ``do`` is a key of :data:`FAULTS`; the attributes up to ``set`` belong to some of these, and the rest says which
    requests are meant. A rule that contradicts itself is refused with a ``ValueError``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: str
    save: bool = True
    status: int = 200
    retry_after: float | None = None
    form: Literal["seconds", "date", "body"] = "seconds"
    location: str = ""
    how: Literal["fin", "rst"] = "fin"
    at: int = 0
    delay_ms: float = 0
    seconds: float = 0
    set: Change = Field(default_factory=Change)

    on: tuple[OperationName, ...] = ()
    external_id: str | None = None
    title: str | None = None
    skip: Annotated[int, Field(ge=0)] = 0
    nth: Count | None = None
    every: Count | None = None
    chance: Annotated[float, Field(ge=0, le=1)] = 1.0
    limit: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("do") not in FAULTS:
            raise ValueError(f"do must be one of {', '.join(FAULTS)}")
        defaults = FAULTS[given["do"]]
        if strange := sorted((_ATTRIBUTES & given.keys()) - defaults.keys()):
            raise ValueError(f"{given['do']} does not have {', '.join(strange)}")
        on = ("list",) if given["do"] in _OF_LISTS else ("update",) if given["do"] == "edit" else ("create",)
        return {"on": on, **defaults, **given}

    @model_validator(mode="after")
    def _check_operations(self) -> Self:
        if self.do in _OF_LISTS and self.on != ("list",):
            raise ValueError(f"{self.do} applies to lists only")
        if self.do == "edit" and not {*self.on} <= {"get", "update"}:
            raise ValueError("edit applies to get and update only")
        return self

    def selects(self, operation: OperationName, request: web.Request, body: bytes) -> bool:
        """True if this rule is about such requests."""
        if self.on and operation not in self.on:
            return False
        content = _object(body) if body else request.query
        if self.title is not None and self.title not in str(content.get("title", "")):
            return False
        fields = content.get("custom_fields")
        return self.external_id is None or self.external_id in _texts_in(fields if body else _json(fields or ""))

    def fires(self, position: int, *, fired: int, roll: float) -> bool:
        """True if it fires at the selected request with this position (1-based) and this draw from [0, 1)."""
        place = position - self.skip
        return (
            place >= 1
            and (self.limit is None or fired < self.limit)
            and (self.nth is None or place == self.nth)
            and (self.every is None or place % self.every == 0)
            and roll < self.chance
        )

    def runs(self) -> int:
        """How often the operation runs before it is answered; 0 if the case is not to be made."""
        if self.do == "save_twice":
            return 2
        return int(self.save and self.do != "expire_tokens")

    def change(
        self, answer: web.Response, *, now: float, storage: Storage, expire_tokens: Callable[[], object]
    ) -> web.Response:
        """What is answered instead of ``answer``, which says nothing if the operation did not run."""
        made = _object(answer.text or "") if self.do in ("without_id", "repeat_id") else {}
        whole = max(1, math.ceil(self.retry_after or 0))  # seconds until the client may come back
        match self.do:
            case "status" if self.retry_after is not None and self.form == "body":  # as POST /calls/callback has it
                return error_response(self.status, {"retry-after": str(whole)})
            case "status":
                answer = error_response(self.status)
                if self.retry_after is not None:
                    is_date = self.form == "date"
                    answer.headers["Retry-After"] = formatdate(now + whole, usegmt=True) if is_date else str(whole)
            case "html":
                return web.Response(status=self.status, text=_LOGIN_PAGE, content_type="text/html")
            case "redirect":
                return web.Response(status=self.status, headers={"Location": self.location})
            case "expire_tokens":
                expire_tokens()
                return error_response(401)
            case "without_id" if made.pop("id", None):
                return json_response(answer.status, made)
            case "repeat_id" if "id" in made and storage.get(before := int(made["id"]) - 1):
                return json_response(answer.status, {**made, "id": str(before)})
        return answer

    async def send(self, request: web.Request, answer: web.Response) -> web.Response:
        """Bring the answer to the client; or the first bytes of it, or none, and end the connection.

        The server needs a response also then; it finds the connection closed and sends nothing.
        """
        if self.do in _ENDS_THE_CONNECTION and request.transport is not None:
            sent = _GARBAGE if self.do == "garbage" else _rendered(answer)[: self.at]
            if not request.transport.is_closing():
                request.transport.write(sent)
            await asyncio.sleep(self.seconds)
            _close(request.transport, self.how)
        return answer


#: No fault: the operation runs once, and its answer is sent.
HONEST = Rule(do="slow", delay_ms=0)


class Automation(BaseModel):
    """What an account does by itself right after a create or an update; the answer to that does not show it yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: tuple[Literal["create", "update"], ...] = ("create", "update")
    status: Status | None = None  #: Only when the status of the case has just become this.
    set: Change = Field(default_factory=Change)
    mail: bool = False  #: Whether it sends a mail to the requester. Mails are counted.


class FaultPlan(BaseModel):
    """A whole fault plan; the default is an honest server of an account without automations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    automations: tuple[Automation, ...] = ()
    rules: tuple[Rule, ...] = ()
    seed: int = 0
    name: str = "honest"


class FaultScript:
    """A plan in use: it counts what it has seen and done."""

    def __init__(self, plan: FaultPlan) -> None:
        self.begin(plan)

    def begin(self, plan: FaultPlan) -> None:
        """Use this plan from its start, in place of any other."""
        self.plan = plan
        self.done: Counter[str] = Counter()
        self._seen: Counter[int] = Counter()
        self._fired: Counter[int] = Counter()
        self._texts: Counter[bytes] = Counter()

    def choose(self, operation: OperationName, request: web.Request, body: bytes) -> Rule:
        """What happens to a request: the first rule that fires, or :data:`HONEST`."""
        if not self.plan.rules:
            return HONEST
        target = f"{request.method} {request.raw_path}\n".encode("utf-8", "surrogateescape")
        text = blake2b(target + body, digest_size=16).digest()
        self._texts[text] += 1
        rules = enumerate(self.plan.rules)
        selected = [(number, rule) for number, rule in rules if rule.selects(operation, request, body)]
        self._seen.update(number for number, _ in selected)
        for number, rule in selected:
            drawn = b"%d %d %d %b" % (self.plan.seed, number, self._texts[text], text)
            roll = int.from_bytes(blake2b(drawn, digest_size=8).digest(), "big") / 2**64
            if rule.fires(self._seen[number], fired=self._fired[number], roll=roll):
                self._fired[number] += 1
                self.done[rule.do] += 1
                return rule
        return HONEST


def load_plan(path: Path) -> FaultPlan:
    """The fault plan in a JSON file.

    Raises:
        ConfigError: The file cannot be read or is not a fault plan; the message names the rule and the attribute.
    """
    hint = "see docs/sandbox.md for the format of fault plans"
    try:
        return FaultPlan.model_validate(orjson.loads(path.read_bytes()))
    except OSError as problem:
        raise ConfigError(f"cannot be read ({problem.strerror})", where=str(path), hint=hint) from problem
    except orjson.JSONDecodeError as problem:
        raise ConfigError(f"cannot be read as JSON ({problem})", where=str(path), hint=hint) from problem
    except ValidationError as error:
        text = "; ".join(_problem(each["loc"], each["msg"]) for each in error.errors(include_url=False))
        raise ConfigError(text, where=str(path), hint=hint) from None


def built_in_plan(name: str, seed: int = 0) -> FaultPlan:
    """The fault plan of a rehearsal, ``calm``, ``rough`` or ``hostile``, each of which a run survives by itself.

    What rightly stops a run (repeated ids, redirects, a wrong address) and what makes duplicates is left to plans that
    you write. Endless waits and 429s are limited in number, so that a rehearsal ends.
    """
    return load_plan(_PROFILES / f"{name}.json").model_copy(update={"seed": seed})


def _problem(place: tuple[str | int, ...], message: str) -> str:
    """``rule 2: at: input should be …`` for a problem at ``("rules", 1, "at")``."""
    names = [f"rule {int(place[1]) + 1}", *map(str, place[2:])] if place[1:] else list(map(str, place))
    text = message.removeprefix("Value error, ")
    return ": ".join([*names, text[:1].lower() + text[1:]])


def _texts_in(fields: Any) -> set[str]:
    """Every text in custom fields but keys; without recursion, because requests may nest deeper than Python does."""
    waiting, texts = [fields], set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            texts.add(part)
        elif isinstance(part, dict | list):
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return texts


def _json(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _object(text: str | bytes) -> dict[str, Any]:
    content = _json(text)
    return content if isinstance(content, dict) else {}


def _rendered(answer: web.Response) -> bytes:
    """The bytes of a whole HTTP/1.1 answer."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    headers = {**answer.headers, "Content-Length": len(body), "Date": formatdate(usegmt=True)}
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _close(transport: asyncio.Transport, how: str) -> None:
    """Close the connection by FIN, or cut it by RST."""
    if how == "fin":
        transport.close()
        return
    # Through a copy of the descriptor, because not every event loop lends its socket.
    if (lent := transport.get_extra_info("socket")) is not None:
        with socket.socket(fileno=os.dup(lent.fileno())) as copy:
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
