"""Three ready-made fault plans for rehearsals.

A run survives all three without a decision of yours: every row ends as exactly one case. What rightly stops a run
(repeated ids, redirects, a wrong address) and what makes duplicates by itself is left to plans of your own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from importer.sandbox.effects import (
    Cut,
    Drop,
    Effect,
    ExpireTokens,
    FuzzyFilter,
    Garbage,
    Hang,
    Html,
    IndexLag,
    Slow,
    Status,
    WithoutId,
)
from importer.sandbox.faults import FaultPlan, Rule

_WRITING = ("create", "update")
_READING = ("list", "get")


def calm(seed: int = 0) -> FaultPlan:
    """A good day: now and then a slow answer or a 429 that says when to come back."""
    rules = (*_writes(0.002, Slow(300)), *_throttles(3, Status(429, retry_after=1)))
    return FaultPlan(name="calm", seed=seed, rules=rules)


def rough(seed: int = 0) -> FaultPlan:
    """A bad day: about 5 % of creates and updates fail, a third of those after they were done, and searches as well."""
    rules = (
        *_writes(0.010, Status(503), Slow(500)),
        *_writes(0.005, Status(500, save=True), Drop(save=False), Drop(save=True)),
        *_throttles(5, Status(429, retry_after=1)),
        *_writes(0.003, Drop(save=True, how="rst"), Html(502)),
        Rule(effect=ExpireTokens(), on=_WRITING, skip=100, every=500),
        Rule(effect=IndexLag(1), chance=0.3),
        Rule(effect=Status(503), on=_READING, chance=0.05),
    )
    return FaultPlan(name="rough", seed=seed, rules=rules)


def hostile(seed: int = 0) -> FaultPlan:
    """Everything at once: about one create or update in six is lied about, cut, garbled, held back or thrown away."""
    rules = (
        *_writes(0.009, *_LIES),
        *_writes(0.008, Status(503, retry_after=1), Drop(save=False), Drop(save=False, how="rst")),
        *_throttles(2, *_WAYS_TO_THROTTLE),
        *_writes(0.02, Slow(1500)),
        # The endless ones are bounded in number, so that a rehearsal ends.
        *_writes(0.005, Hang(save=True), Hang(save=False), Hang(save=True, at=40), limit=5),
        Rule(effect=ExpireTokens(), on=_WRITING, skip=50, every=200),
        Rule(effect=IndexLag(2), chance=0.4),
        Rule(effect=FuzzyFilter(), chance=0.2),
        Rule(effect=Status(429, retry_after=1), on=_READING, chance=0.05, limit=5),
        Rule(effect=Status(502), on=_READING, chance=0.05),
        Rule(effect=Drop(save=False), on=_READING, chance=0.05),
        Rule(effect=Status(503), on=("token",), nth=3),
    )
    return FaultPlan(name="hostile", seed=seed, rules=rules)


PROFILES: Mapping[str, Callable[[int], FaultPlan]] = {"calm": calm, "rough": rough, "hostile": hostile}
#: The case exists, and the client is told otherwise or nothing.
_LIES = (
    Drop(save=True),
    Drop(save=True, how="rst"),
    Status(500, save=True),
    Status(504, save=True),
    Html(502),
    Html(200),
    Html(201),
    WithoutId(),
    Cut(17),
    Cut(-1),
    Garbage(),
)
_WAYS_TO_THROTTLE = (
    Status(429, retry_after=1),
    Status(429, retry_after=1, form="date"),
    Status(429, retry_after=1, form="body"),
    Status(429),
)


def _writes(chance: float, *effects: Effect, limit: int | None = None) -> Iterator[Rule]:
    """One rule for each effect, each with this chance, on creates and updates alike."""
    return (Rule(effect=effect, on=_WRITING, chance=chance, limit=limit) for effect in effects)


def _throttles(limit: int, *effects: Effect) -> Iterator[Rule]:
    """Now and then "too fast". Bounded, because a 429 that has nothing to do with speed slows down whoever obeys it."""
    return _writes(0.01, *effects, limit=limit)
