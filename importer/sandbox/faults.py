"""The fault script: which requests something happens to, and what.

A plan is plain data. The first rule that fires decides. Each rule counts the requests it selects, also those that
another rule struck, but only requests that were admitted: a 401 or 429 uses up nothing. ``chance`` depends on the
seed, the text of the request and how often that text was seen, not on the order in which requests arrive: the same
rows meet the same fate in every run, however many workers send them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from importer.errors import ConfigError
from importer.sandbox.answers import Refusal
from importer.sandbox.calls import Call
from importer.sandbox.effects import Effect

OPERATIONS = ("create", "list", "get", "update", "info", "trash", "purge", "note", "fields", "users", "user", "token")

HONEST = Effect()
_HASH_RANGE = 2**64


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When something happens, and what.

    Attributes:
        effect: What happens.
        on: The operations meant; empty means all of them, None the one the effect is made for: "list" for effects on
            the list, "create" for all others.
        stamp: Only requests that carry this very value in a custom field, or look it up by one.
        title: Only requests whose title (or title filter) contains this text.
        skip: Leave the first so many selected requests alone.
        nth: Only the nth of the rest, counted from 1.
        every: Only each nth of the rest.
        chance: Probability for each of the rest.
        limit: Fire at most so often.
        unread: Strike before the body is read. Such a rule cannot select by text, and its effect cannot save.

    Raises:
        ConfigError: The rule contradicts itself.
    """

    effect: Effect
    on: tuple[str, ...] | None = None
    stamp: str | None = None
    title: str | None = None
    skip: int = 0
    nth: int | None = None
    every: int | None = None
    chance: float = 1.0
    limit: int | None = None
    unread: bool = False

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ConfigError(problem, where="fault rule", hint="Change this rule of the fault plan.")

    def _problem(self) -> str | None:
        unknown = set(self.operations) - set(OPERATIONS)
        if unknown:
            return f"no such operation: {', '.join(sorted(unknown))}; there are {', '.join(OPERATIONS)}"
        if self.effect.home() == "list" and self.operations != ("list",):
            return f"{self.effect.word()} strikes lists only"
        if self.skip < 0 or any(number is not None and number < 1 for number in (self.nth, self.every, self.limit)):
            return "nth, every and limit start at 1, skip at 0"
        if not 0 <= self.chance <= 1:
            return "chance must be from 0 to 1"
        if self.unread and (self.stamp is not None or self.title is not None):
            return "a rule that strikes before the body is read cannot select by stamp or title"
        if self.unread and self.effect.runs():
            return "a rule that strikes before the body is read needs an effect that does not save"
        return None

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations meant; empty means all of them."""
        return (self.effect.home(),) if self.on is None else self.on

    def selects(self, call: Call) -> bool:
        """True if this rule is about such requests."""
        return (
            (not self.operations or call.name in self.operations)
            and (self.stamp is None or self.stamp in stamps_of(call))
            and (self.title is None or self.title in title_of(call))
        )

    def strikes(self, position: int, *, fired: int, roll: float) -> bool:
        """True if it fires at the selected request with this position (1-based) and this draw from [0, 1)."""
        place = position - self.skip
        return (
            place >= 1
            and (self.limit is None or fired < self.limit)
            and (self.nth is None or place == self.nth)
            and (self.every is None or place % self.every == 0)
            and roll < self.chance
        )


@dataclass(frozen=True, kw_only=True)
class FaultPlan:
    """A whole fault script; the default is an honest server."""

    rules: tuple[Rule, ...] = ()
    seed: int = 0
    name: str = "honest"


class Script:
    """A plan being played: it counts what it has seen and done."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._seen: Counter[int] = Counter()
        self._fired: Counter[int] = Counter()
        self._texts: Counter[bytes] = Counter()
        self.done: Counter[str] = Counter()

    def unread(self, call: Call) -> Effect | None:
        """The effect that strikes before the body is read, if any."""
        return self._choose(call, unread=True) if any(rule.unread for rule in self._plan.rules) else None

    def choose(self, call: Call) -> Effect:
        """What happens to a request that was read: the effect of the first rule that fires, or the honest one."""
        return (self._choose(call, unread=False) if self._plan.rules else None) or HONEST

    def _choose(self, call: Call, *, unread: bool) -> Effect | None:
        text = _text_of(call)
        self._texts[text] += not unread
        meant = [
            (number, rule)
            for number, rule in enumerate(self._plan.rules)
            if rule.unread is unread and rule.selects(call)
        ]
        self._seen.update(number for number, _ in meant)
        for number, rule in meant:
            roll = self._roll(number, text) if rule.chance < 1 else 0.0
            if rule.strikes(self._seen[number], fired=self._fired[number], roll=roll):
                self._fired[number] += 1
                self.done[rule.effect.word()] += 1
                return rule.effect
        return None

    def _roll(self, number: int, text: bytes) -> float:
        drawn = b"%d %d %d %b" % (self._plan.seed, number, self._texts[text], text)
        return int.from_bytes(blake2b(drawn, digest_size=8).digest(), "big") / _HASH_RANGE


def _text_of(call: Call) -> bytes:
    """What tells one request from another: method, path, query and body."""
    target = f"{call.request.method} {call.request.raw_path}\n".encode("utf-8", "surrogateescape")
    return blake2b(target + call.body, digest_size=16).digest()


def stamps_of(call: Call) -> set[str]:
    """The texts in the custom fields of a body, or in those that a list looks up."""
    if call.body:
        return _texts_in(_object(call).get("custom_fields"))
    try:
        return _texts_in(orjson.loads(call.query.get("custom_fields", "")))
    except orjson.JSONDecodeError:
        return set()


def title_of(call: Call) -> str:
    """The title in a body, or the one that a list filters by."""
    title = _object(call).get("title") if call.body else call.query.get("title")
    return title if isinstance(title, str) else ""


def _object(call: Call) -> dict[str, Any]:
    try:
        return call.json if isinstance(call.json, dict) else {}
    except Refusal:
        return {}


def _texts_in(content: Any) -> set[str]:
    """Every text in some JSON, keys excepted. Without recursion: requests may nest deeper than Python does."""
    texts, waiting = set(), [content]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            texts.add(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return texts
