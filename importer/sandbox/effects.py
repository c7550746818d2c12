"""What a fault can do to the operation and to its answer: one small frozen class each.

An effect may change how often an operation runs, how truthfully a list answers, what is answered, and how the answer
goes over the wire (the latter in :mod:`importer.sandbox.breaks`). The base class changes nothing.
"""

# ruff: noqa: D102 (the hooks are described once, in Effect)

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from importer.sandbox.answers import HTML, JSON, Answer, RetryForm, envelope, json_answer, with_retry_hint
from importer.sandbox.cases import Case
from importer.sandbox.conditions import ListMode
from importer.sandbox.line import Line

LOGIN_PAGE = Answer(200, b"<!doctype html><title>Log in</title><h1>Please log in</h1>", HTML)
LOGIN_PATH = "/_sandbox/login"


class Scene(NamedTuple):
    """What an effect may look at or touch.

    Attributes:
        now: Seconds since the epoch.
        earlier: The case created before the one with this id, if any.
        expire_tokens: Ends every issued token.
    """

    now: float
    earlier: Callable[[int], Case | None]
    expire_tokens: Callable[[], None]


@dataclass(frozen=True)
class Effect:
    """No fault: the operation runs once, and its answer is sent."""

    @classmethod
    def word(cls) -> str:
        """What the effect is called in plans and counts: its class name in lower case with underscores."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def home(self) -> str:
        """The operation a rule means if it names none."""
        return "create"

    def runs(self) -> int:
        """How often the operation is executed before it is answered."""
        return 1

    def delay_s(self) -> float:
        """How long the operation is held back before it runs."""
        return 0.0

    def listing(self, mode: ListMode) -> ListMode:
        """How truthfully a list shall answer, given how it would."""
        return mode

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        """What is answered instead of ``answer``, which means nothing if the operation did not run."""
        return answer

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        """Bring the answer to the client, or fail to."""
        return line.respond(answer)


@dataclass(frozen=True)
class Slow(Effect):
    """Hold the operation back; a client that gives up earlier still gets its case made."""

    delay_ms: float = 2000

    def delay_s(self) -> float:
        return self.delay_ms / 1000


@dataclass(frozen=True)
class Status(Effect):
    """Answer with a status, before or after the work was done.

    Attributes:
        status: The status.
        save: Do the work first: the answer then lies about a case that exists.
        body: Text of the body; None means the error envelope.
        content_type: Its media type.
        headers: Further headers, such as a Retry-After no standard knows.
        retry_after: Seconds of a hint when to come back; None gives no hint.
        form: How that hint is written.
    """

    status: int = 503
    save: bool = False
    body: str | None = None
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    form: RetryForm = "seconds"

    def runs(self) -> int:
        return int(self.save)

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        said = envelope(self.status)
        if self.retry_after is not None:
            said = with_retry_hint(said, seconds=self.retry_after, form=self.form, now=scene.now)
        if self.body is not None:
            said = said._replace(body=self.body.encode())
        return said._replace(content_type=self.content_type).adding(self.headers)


@dataclass(frozen=True)
class Html(Effect):
    """A page instead of JSON, as a proxy or a login wall answers."""

    status: int = 200
    save: bool = True

    def runs(self) -> int:
        return int(self.save)

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        return LOGIN_PAGE._replace(status=self.status)


@dataclass(frozen=True)
class Redirect(Effect):
    """Send the client elsewhere. The default place answers a login page with 200."""

    status: int = 307
    location: str = LOGIN_PATH
    save: bool = False

    def runs(self) -> int:
        return int(self.save)

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        return Answer(self.status, content_type=HTML, headers={"Location": self.location})


@dataclass(frozen=True)
class ExpireTokens(Effect):
    """End every issued token now, the one of this request included: nothing is saved, 401."""

    def runs(self) -> int:
        return 0

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        scene.expire_tokens()
        return envelope(401)


@dataclass(frozen=True)
class SaveTwice(Effect):
    """Do the work twice, as when a balancer repeats the request; the second answer is sent."""

    def runs(self) -> int:
        return 2


@dataclass(frozen=True)
class WithoutId(Effect):
    """A true answer, but for the missing id."""

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        return _edited(answer, lambda case: {name: value for name, value in case.items() if name != "id"})


@dataclass(frozen=True)
class RepeatId(Effect):
    """The id of the case created just before, which another row already has."""

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        earlier = scene.earlier(_id_in(answer))
        return answer if earlier is None else _edited(answer, lambda case: case | {"id": str(earlier.id)})


@dataclass(frozen=True)
class EchoOther(Effect):
    """The right id with the text of another row: the case created just before, or one nobody sent."""

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        other = scene.earlier(_id_in(answer))
        echo = {
            "title": other.title if other else "Another ticket",
            "description": other.description if other else "Nobody sent this.",
            "custom_fields": orjson.loads(other.custom_fields) if other else {},
        }
        return _edited(answer, lambda case: case | echo)


@dataclass(frozen=True)
class LongHeader(Effect):
    """A header longer than HTTP libraries accept."""

    size: int = 20_000

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        return answer.adding({"X-Filler": "x" * self.size})


@dataclass(frozen=True)
class SkewedDate(Effect):
    """A server whose clock is wrong, as its Date header shows."""

    seconds: float = 7200

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        return answer.adding({"Date": formatdate(scene.now + self.seconds, usegmt=True)})


@dataclass(frozen=True)
class Listing(Effect):
    """An effect on the list: it strikes nowhere else."""

    def home(self) -> str:
        return "list"


@dataclass(frozen=True)
class IndexLag(Listing):
    """The list does not show cases younger than this."""

    seconds: float = 60

    def listing(self, mode: ListMode) -> ListMode:
        return mode._replace(lag_ms=int(self.seconds * 1000))


@dataclass(frozen=True)
class FuzzyFilter(Listing):
    """The list finds texts that merely contain what is asked for."""

    def listing(self, mode: ListMode) -> ListMode:
        return mode._replace(fuzzy=True)


@dataclass(frozen=True)
class IgnoreFilter(Listing):
    """The list ignores its filters and answers with everything."""

    def listing(self, mode: ListMode) -> ListMode:
        return mode._replace(ignored=True)


def _edited(answer: Answer, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Answer:
    """The answer with its JSON object edited; an error stays as it is."""
    if answer.status >= 300:
        return answer
    return json_answer(answer.status, edit(orjson.loads(answer.body))).adding(answer.headers)


def _id_in(answer: Answer) -> int:
    return int(orjson.loads(answer.body).get("id", 0)) if answer.status < 300 else 0
