"""Fault plans: which requests something happens to, and what.

The first rule that fires decides. Each rule counts the requests that it selects, also those that another rule has
struck, but only requests that were admitted: a 401 or 429 uses up nothing. ``chance`` depends on the seed, the text of
the request and how often that text was seen, not on the order in which requests arrive: the same rows meet the same
faults in every run, however many workers send them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from importer.errors import ConfigError
from importer.sandbox.answers import ApiError
from importer.sandbox.effects import EFFECTS, Effect
from importer.sandbox.handlers import OPERATIONS, Call

_HASH_RANGE = 2**64
_HINT = "see docs/sandbox.md for the format of fault plans"
Kind = TypeVar("Kind")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When something happens, and what.

    Attributes:
        effect: What happens.
        on: The operations meant; empty means all of them, None the one that the effect is made for: "list" for effects
            on the list, "create" for all others.
        external_id: Only requests that carry this very text in a custom field, or search for it.
        title: Only requests whose title (or title filter) contains this text.
        skip: Leave the first so many selected requests alone.
        nth: Only the nth of the rest, counted from 1.
        every: Only each nth of the rest.
        chance: Probability for each of the rest.
        limit: Fire at most so often.

    Raises:
        ConfigError: The rule contradicts itself.
    """

    effect: Effect
    on: tuple[str, ...] | None = None
    external_id: str | None = None
    title: str | None = None
    skip: int = 0
    nth: int | None = None
    every: int | None = None
    chance: float = 1.0
    limit: int | None = None

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ConfigError(problem, where="fault rule", hint="fix this rule in the fault plan")

    def _problem(self) -> str | None:
        unknown = set(self.operations) - set(OPERATIONS)
        if unknown:
            return f"unknown operations: {', '.join(sorted(unknown))}; known: {', '.join(OPERATIONS)}"
        if self.effect.operation == "list" and self.operations != ("list",):
            return f"{self.effect.name} applies to lists only"
        if self.skip < 0 or any(number is not None and number < 1 for number in (self.nth, self.every, self.limit)):
            return "nth, every and limit start at 1, skip at 0"
        if not 0 <= self.chance <= 1:
            return "chance must be from 0 to 1"
        return None

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations meant; empty means all of them."""
        return (self.effect.operation,) if self.on is None else self.on

    def selects(self, call: Call) -> bool:
        """True if this rule is about such requests."""
        return (
            (not self.operations or call.operation in self.operations)
            and (self.external_id is None or self.external_id in _texts_of(call))
            and (self.title is None or self.title in _title_of(call))
        )

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


@dataclass(frozen=True, kw_only=True)
class FaultPlan:
    """A whole fault plan; the default is an honest server."""

    rules: tuple[Rule, ...] = ()
    seed: int = 0
    name: str = "honest"


class FaultScript:
    """A plan in use: it counts what it has seen and done."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.done: Counter[str] = Counter()
        self._seen: Counter[int] = Counter()
        self._fired: Counter[int] = Counter()
        self._texts: Counter[bytes] = Counter()

    def choose(self, call: Call) -> Effect:
        """What happens to a request: the effect of the first rule that fires, or none."""
        if not self.plan.rules:
            return Effect()
        text = _digest_of(call)
        self._texts[text] += 1
        selected = [(number, rule) for number, rule in enumerate(self.plan.rules) if rule.selects(call)]
        self._seen.update(number for number, _ in selected)
        for number, rule in selected:
            roll = self._roll(number, text) if rule.chance < 1 else 0.0
            if rule.fires(self._seen[number], fired=self._fired[number], roll=roll):
                self._fired[number] += 1
                self.done[rule.effect.name] += 1
                return rule.effect
        return Effect()

    def _roll(self, number: int, text: bytes) -> float:
        drawn = b"%d %d %d %b" % (self.plan.seed, number, self._texts[text], text)
        return int.from_bytes(blake2b(drawn, digest_size=8).digest(), "big") / _HASH_RANGE


def _digest_of(call: Call) -> bytes:
    """What tells one request from another: method, path, query and body."""
    target = f"{call.request.method} {call.request.raw_path}\n".encode("utf-8", "surrogateescape")
    return blake2b(target + call.body, digest_size=16).digest()


def _texts_of(call: Call) -> set[str]:
    """Every text in the custom fields of a body, or in those that a list searches for."""
    if call.body:
        return _texts_in(_body_of(call).get("custom_fields"))
    try:
        return _texts_in(orjson.loads(call.request.query.get("custom_fields", "")))
    except orjson.JSONDecodeError:
        return set()


def _title_of(call: Call) -> str:
    """The title in a body, or the one that a list filters by."""
    title = _body_of(call).get("title") if call.body else call.request.query.get("title")
    return title if isinstance(title, str) else ""


def _body_of(call: Call) -> dict[str, Any]:
    try:
        return call.json if isinstance(call.json, dict) else {}
    except ApiError:
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


def load_plan(path: Path) -> FaultPlan:
    """The fault plan in a JSON file, as ``case-importer sandbox --faults FILE`` reads it; see docs/sandbox.md.

    Raises:
        ConfigError: The file cannot be read or is not a fault plan; the message names the rule and the attribute.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as problem:
        raise ConfigError(f"cannot be read as JSON ({problem})", where=str(path), hint=_HINT) from problem
    return plan_of(content, where=str(path))


def plan_of(content: Any, *, where: str = "fault plan") -> FaultPlan:
    """The fault plan in parsed JSON.

    Raises:
        ConfigError: It is not a fault plan.
    """
    if not isinstance(content, dict):
        raise ConfigError("must be a JSON object", where=where, hint=_HINT)
    rules = content.get("rules", [])
    if not isinstance(rules, list):
        raise ConfigError("rules must be an array", where=where, hint=_HINT)
    made = tuple(_rule(rule, where=f"{where}: rule {number}") for number, rule in enumerate(rules, start=1))
    return _made(FaultPlan, {**content, "rules": made}, where=where)


def _rule(content: Any, *, where: str) -> Rule:
    """A rule is flat in JSON: what happens and when, side by side."""
    kind = EFFECTS.get(str(content.get("do"))) if isinstance(content, dict) else None
    if kind is None:
        raise ConfigError(f"do must be one of {', '.join(EFFECTS)}", where=where, hint=_HINT)
    what = {field.name for field in fields(kind)}
    effect = _made(kind, {name: value for name, value in content.items() if name in what}, where=where)
    when = {name: value for name, value in content.items() if name not in what and name != "do"}
    return _made(Rule, {"effect": effect, **when}, where=where)


def _made(kind: type[Kind], given: Mapping[str, Any], *, where: str) -> Kind:
    """A dataclass from its attributes in JSON, each of the declared type."""
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if unknown := sorted(set(given) - set(known)):
        text = f"unknown attributes: {', '.join(unknown)}; known: {', '.join(known)}"
        raise ConfigError(text, where=where, hint=_HINT)
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as problem:
        wrong = dict.fromkeys(str(error["loc"][0]) for error in problem.errors(include_url=False))
        text = f"attributes of the wrong type: {', '.join(wrong)}"
        raise ConfigError(text, where=where, hint=_HINT) from problem
    except ConfigError as problem:
        raise ConfigError(problem.what, where=where, hint=problem.hint) from problem
