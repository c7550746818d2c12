"""The profile that is kept next to a mapping: what each column was like, what it became, and what a person said of it.

``check --baseline`` compares an export with it, and the next ``suggest`` starts from its answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from importer.errors import ConfigError
from importer.models import shown
from importer.small_files import head_of

if TYPE_CHECKING:
    from importer.suggest import Suggestion

_MOST_BYTES = 16 << 20
_WORDS_NAMED = 5


@dataclass(frozen=True)
class SavedProfile:
    """What is remembered of an earlier export."""

    kinds: Mapping[str, str]  #: Column → what its cells were.
    words: Mapping[str, frozenset[str]]  #: Column → all of its texts, if these were few.
    answers: Mapping[str, str]  #: Column → field, as a person said.


def profile_path(mapping: Path) -> Path:
    """Where the profile of a mapping is: ``mapping.profile.json`` for ``mapping.yml``."""
    return mapping.with_suffix(".profile.json")


def as_json(suggestion: Suggestion, answers: Mapping[str, str]) -> bytes:
    """The profile as a file; ``rows`` is 0 if the export was not read to its end."""
    columns = [
        {
            "column": it.column,
            "field": it.field,
            "mark": it.mark,
            "kind": it.kind,
            "filled": it.filled,
            "different": it.different,
            "longest": it.longest,
            "words": list(it.words),
        }
        for it in suggestion.choices
    ]
    rows = suggestion.trial.rows if suggestion.whole else 0
    content = {"profile": 1, "rows": rows, "columns": columns, "answers": dict(answers)}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"


def load_profile(path: Path) -> SavedProfile | None:
    """The profile at ``path``; None if there is none.

    Raises:
        ConfigError: It is something else.
    """
    if not path.exists():
        return None
    try:
        content: Any = orjson.loads(head_of(path, _MOST_BYTES))
        return SavedProfile(
            kinds={it["column"]: it["kind"] for it in content["columns"]},
            words={it["column"]: frozenset(it["words"]) for it in content["columns"] if it["words"]},
            answers={str(column): str(field) for column, field in content["answers"].items()},
        )
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        hint = "delete it, or choose another file with -o"
        raise ConfigError("the profile of the mapping cannot be read", where=str(path), hint=hint) from None


def still_true(saved: SavedProfile, kinds: Mapping[str, str]) -> dict[str, str]:
    """Its answers about columns that the export still has, and whose cells are what they were."""
    return {column: field for column, field in saved.answers.items() if kinds.get(column) == saved.kinds.get(column)}


def differences(saved: SavedProfile, suggestion: Suggestion) -> Iterator[str]:
    """What is different now, in sentences."""
    now = {it.column: it for it in suggestion.choices}
    for what, names in (("new", now.keys() - saved.kinds.keys()), ("missing", saved.kinds.keys() - now.keys())):
        if names:
            yield f"{what}: {', '.join(repr(shown(name)) for name in sorted(names))}"
    for column, kind in saved.kinds.items():
        if column not in now:
            continue
        known = saved.words.get(column)
        fresh = sorted(set(now[column].words) - known)[:_WORDS_NAMED] if known else []
        if now[column].kind != kind:
            dropped = "; its answer no longer counts" if column in saved.answers else ""
            yield f"{shown(column)!r} had {kind}, now {now[column].kind}{dropped}"
        elif fresh:
            yield f"{shown(column)!r} has new words: {', '.join(map(repr, fresh))}"
