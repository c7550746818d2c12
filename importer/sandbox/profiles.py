"""Three built-in fault plans for rehearsals.

A run survives all three without a decision of yours: every row ends as exactly one case. What rightly stops a run
(repeated ids, redirects, a wrong address) and what makes duplicates is left to plans that you write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from importer.sandbox.faults import FaultPlan, OperationName, Rule

_WRITING: tuple[OperationName, ...] = ("create", "update")
_READING: tuple[OperationName, ...] = ("list", "get")
Fault = dict[str, Any]
_TOO_FAST: Fault = {"do": "status", "status": 429, "retry_after": 1}
_NOT_SAVED: Fault = {"do": "drop", "save": False}
#: The case exists, and the client is told otherwise or nothing.
_LIES: tuple[Fault, ...] = (
    {"do": "drop"},
    {"do": "drop", "how": "rst"},
    {"do": "status", "status": 500, "save": True},
    {"do": "status", "status": 504, "save": True},
    {"do": "html", "status": 502},
    {"do": "html", "status": 200},
    {"do": "html", "status": 201},
    {"do": "without_id"},
    {"do": "cut", "at": 17},
    {"do": "cut", "at": -1},
    {"do": "garbage"},
)


def calm(seed: int = 0) -> FaultPlan:
    """A good day: now and then a slow answer or a 429 that says when to come back."""
    rules = (*_writes(0.002, {"do": "slow", "delay_ms": 300}), *_writes(0.01, _TOO_FAST, limit=3))
    return FaultPlan(name="calm", seed=seed, rules=rules)


def rough(seed: int = 0) -> FaultPlan:
    """A bad day: about 5 % of creates and updates fail, a third of those after they were done, and searches as well."""
    rules = (
        *_writes(0.010, {"do": "status"}, {"do": "slow", "delay_ms": 500}),
        *_writes(0.005, {"do": "status", "status": 500, "save": True}, _NOT_SAVED, {"do": "drop"}),
        *_writes(0.01, _TOO_FAST, limit=5),  # bounded: such a 429 slows down whoever obeys it
        *_writes(0.003, {"do": "drop", "how": "rst"}, {"do": "html", "status": 502}),
        Rule(do="expire_tokens", on=_WRITING, skip=100, every=500),
        Rule(do="index_lag", seconds=1, chance=0.3),
        Rule(do="status", on=_READING, chance=0.05),
    )
    return FaultPlan(name="rough", seed=seed, rules=rules)


def hostile(seed: int = 0) -> FaultPlan:
    """Everything at once: about one create or update in six is lied about, cut, garbled, held back or thrown away."""
    throttles: tuple[Fault, ...] = ({"form": "seconds"}, {"form": "date"}, {"form": "body"}, {"retry_after": None})
    hangs: tuple[Fault, ...] = ({"save": True}, {"save": False}, {"at": 40})
    rules = (
        *_writes(0.009, *_LIES),
        *_writes(0.008, {"do": "status", "retry_after": 1}, _NOT_SAVED, {**_NOT_SAVED, "how": "rst"}),
        *_writes(0.01, *({**_TOO_FAST, **each} for each in throttles), limit=2),
        *_writes(0.02, {"do": "slow", "delay_ms": 1500}),
        # The endless ones are bounded in number, so that a rehearsal ends.
        *_writes(0.005, *({"do": "hang", **each} for each in hangs), limit=5),
        Rule(do="expire_tokens", on=_WRITING, skip=50, every=200),
        Rule(do="index_lag", seconds=2, chance=0.4),
        Rule(do="fuzzy_filter", chance=0.2),
        Rule(**_TOO_FAST, on=_READING, chance=0.05, limit=5),
        Rule(do="status", status=502, on=_READING, chance=0.05),
        Rule(**_NOT_SAVED, on=_READING, chance=0.05),
        Rule(do="status", on=("token",), nth=3),
    )
    return FaultPlan(name="hostile", seed=seed, rules=rules)


PROFILES: Mapping[str, Callable[[int], FaultPlan]] = {"calm": calm, "rough": rough, "hostile": hostile}


def _writes(chance: float, *faults: Fault, limit: int | None = None) -> Iterator[Rule]:
    """One rule for each fault, each with this chance, on creates and updates alike."""
    return (Rule(**fault, on=_WRITING, chance=chance, limit=limit) for fault in faults)
