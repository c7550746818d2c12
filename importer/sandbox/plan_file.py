"""A fault plan as JSON: what ``case-importer sandbox --faults FILE`` reads.

::

    {"name": "two bad rows", "seed": 7, "rules": [
        {"do": "drop", "save": true, "how": "rst", "stamp": "T-17"},
        {"do": "status", "status": 429, "retry_after": 2, "form": "date", "every": 50, "limit": 3},
        {"do": "index_lag", "seconds": 5},
        {"do": "status", "status": 502, "on": ["list", "get"], "chance": 0.1}
    ]}

Each rule is flat: ``do`` names the effect, the effect's own attributes follow (:mod:`importer.sandbox.effects`,
:mod:`importer.sandbox.breaks`), and the attributes of :class:`importer.sandbox.faults.Rule` say when.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson

from importer.errors import ConfigError
from importer.sandbox import breaks, effects
from importer.sandbox.effects import Effect
from importer.sandbox.faults import FaultPlan, Rule

EFFECTS: Mapping[str, type[Effect]] = types.MappingProxyType(
    {
        kind.word(): kind
        for kind in (
            effects.Slow,
            effects.Status,
            effects.Html,
            effects.Redirect,
            effects.ExpireTokens,
            effects.SaveTwice,
            effects.WithoutId,
            effects.RepeatId,
            effects.EchoOther,
            effects.LongHeader,
            effects.SkewedDate,
            effects.IndexLag,
            effects.FuzzyFilter,
            effects.IgnoreFilter,
            breaks.Drop,
            breaks.Cut,
            breaks.Hang,
            breaks.Drip,
            breaks.StrayAnswer,
            breaks.EarlyHint,
            breaks.Garbage,
            breaks.TwoLengths,
            breaks.ChunkMissing,
            breaks.CloseDelimited,
            breaks.BrokenGzip,
            breaks.GzipBomb,
        )
    }
)
_HINT = "The form of a fault plan is described in the documentation of the sandbox."


def load_plan(path: Path) -> FaultPlan:
    """The fault plan in a JSON file.

    Raises:
        ConfigError: The file cannot be read or is no fault plan; the message names the rule and the attribute.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as problem:
        raise ConfigError(f"cannot be read as JSON ({problem})", where=str(path), hint=_HINT) from problem
    return plan_of(content, where=str(path))


def plan_of(content: Any, *, where: str = "fault plan") -> FaultPlan:
    """The fault plan in parsed JSON.

    Raises:
        ConfigError: It is none.
    """
    given = _attributes(FaultPlan, content, where=where, besides=("rules",))
    rules = content.get("rules", [])
    if not isinstance(rules, list):
        raise ConfigError("rules must be an array", where=where, hint=_HINT)
    return FaultPlan(**given, rules=tuple(_rule(rule, where=f"{where}: rule {n}") for n, rule in enumerate(rules, 1)))


def plan_as_json(plan: FaultPlan) -> dict[str, Any]:
    """The plan in the form that :func:`plan_of` reads, without attributes left at their default."""
    rules = [
        {"do": rule.effect.word()} | _changed(rule.effect) | _changed(rule, besides="effect") for rule in plan.rules
    ]
    return {"name": plan.name, "seed": plan.seed, "rules": rules}


def _rule(content: Any, *, where: str) -> Rule:
    effect = EFFECTS.get(str(content.get("do"))) if isinstance(content, dict) else None
    if effect is None:
        raise ConfigError(f"do must be one of {', '.join(EFFECTS)}", where=where, hint=_HINT)
    own = {field.name for field in dataclasses.fields(effect)}
    made = effect(**_attributes(effect, {k: v for k, v in content.items() if k in own}, where=where))
    when = {name: value for name, value in content.items() if name not in own and name != "do"}
    try:
        return Rule(effect=made, **_attributes(Rule, when, where=where, hidden=("effect",)))
    except ConfigError as problem:
        raise ConfigError(problem.what, where=where, hint=problem.hint) from problem


def _attributes(
    kind: type, content: Any, *, where: str, besides: tuple[str, ...] = (), hidden: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The attributes of a dataclass in a JSON object, each of the declared type."""
    if not isinstance(content, dict):
        raise ConfigError("must be a JSON object", where=where, hint=_HINT)
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name not in (*besides, *hidden)}
    unknown = sorted(set(content) - set(hints) - set(besides))
    if unknown:
        raise ConfigError(f"knows no {', '.join(unknown)}; there are {', '.join(hints)}", where=where, hint=_HINT)
    wrong = sorted(name for name, hint in hints.items() if name in content and not _fits(content[name], hint))
    if wrong:
        raise ConfigError(f"of the wrong type: {', '.join(wrong)}", where=where, hint=_HINT)
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in content.items() if name in hints
    }


def _fits(value: Any, hint: Any) -> bool:
    """True if a JSON value is one that an attribute with this annotation takes."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value in inner
    if origin in (Union, types.UnionType):
        return any(_fits(value, choice) for choice in inner)
    if origin is tuple:
        return isinstance(value, list) and all(_fits(part, inner[0]) for part in value)
    if origin is Mapping:
        return isinstance(value, dict) and all(_fits(part, inner[1]) for part in value.values())
    if hint is float:
        return type(value) in (int, float)
    return type(value) is (hint if hint is not None else type(None))


def _changed(made: Any, *, besides: str = "") -> dict[str, Any]:
    """The attributes of a frozen value that differ from their default."""
    changed = {}
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.name != besides and value != default:
            changed[field.name] = list(value) if isinstance(value, tuple) else value
    return changed
