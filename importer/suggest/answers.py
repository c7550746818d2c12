"""What a person says about columns, in lines ``Column = field``, and what is kept of it next to the mapping.

``check --baseline`` compares an export with this profile, and the next ``suggest`` starts from its answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from importer.checks.baseline import Baseline, load_baseline
from importer.errors import ConfigError
from importer.files.small import head_of
from importer.mapping.converters import custom_target
from importer.suggest.kinds import Column
from importer.talkdesk.payloads import custom_field_prefix, other_spelling
from importer.text.safe import shown
from importer.text.wording import nearest

if TYPE_CHECKING:
    from importer.suggest.suggestion import Suggestion

#: What can be said of a column, besides the custom fields of the account (``text5``, ``date3``, …).
FIELDS = (
    *("key", "title", "description", "priority", "requester_email", "requester_name", "parent_id"),
    *("created", "closed", "status", "type", "label", "note", "checkbox", "other", "unused"),
)
#: Fields that several columns may have.
_MANY = frozenset({"key", "label", "note", "checkbox", "other", "unused"})
EXTERNAL_ID_FIELD = "text1"  #: The custom field that every suggestion takes for the external id.
NO_COLUMN = "check the header of the export"  #: The hint where no column has a name like that.
_MOST_BYTES = 1 << 20
_WORDS_NAMED = 5
_PROBLEMS_SHOWN = 20


class WrongAnswersError(ConfigError):
    """One or more answers that are wrong; ``what``, ``where`` and ``hint`` are those of the first."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        super().__init__(problems[0].what, where=problems[0].where, hint=problems[0].hint)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        shown_ones, left = self.problems[:_PROBLEMS_SHOWN], len(self.problems) - _PROBLEMS_SHOWN
        lines = [str(ConfigError(each.what, where=each.where, hint=each.hint)) for each in shown_ones]
        return "\n".join([*lines, *([f"and {left} more errors"] if left > 0 else [])])


@dataclass(frozen=True)
class Answers:
    """What a person says about columns."""

    fields: Mapping[str, str] = field(default_factory=dict)  #: Column → field, in the order of the file.
    places: Mapping[str, str] = field(default_factory=dict)  #: Column → file and line; nothing without a file.
    problems: tuple[ConfigError, ...] = ()  #: What is wrong with the other lines.


def read_answers(path: Path) -> Answers:
    """The answers in a file. Blank lines and lines that begin with ``#`` do not count.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        text = head_of(path, _MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "the file is not UTF-8"
        raise ConfigError(f"the answers cannot be read: {what}", where=str(path)) from None
    fields, places, problems = dict[str, str](), dict[str, str](), list[ConfigError]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{path}:{number}"
        try:
            column, name = _answer(line, fields.values(), where)
        except ConfigError as error:
            problems.append(error)
        else:
            fields[column], places[column] = name, where
    return Answers(fields, places, tuple(problems))


def _answer(line: str, earlier: Collection[str], where: str) -> tuple[str, str]:
    """The column and the field of a line, if they can go with the fields of ``earlier`` lines."""
    column, sign, name = (part.strip() for part in line.rpartition("="))
    if not sign or not column:
        hint = "write one column a line, such as: Subject = title"
        raise ConfigError(f"{shown(line)!r} is not an answer", where=where, hint=hint)
    if name not in FIELDS and custom_field_prefix(name) is None:
        hint = nearest(name, FIELDS, otherwise=f"use one of {', '.join(FIELDS)}, or a custom field")
        raise ConfigError(f"unknown field {shown(name)!r}", where=where, hint=hint)
    if name == EXTERNAL_ID_FIELD:
        hint = "use another custom field, such as text2"
        raise ConfigError(f"{name!r} is used for the external id", where=where, hint=hint)
    if name not in _MANY and _one_spelling(name) in map(_one_spelling, earlier):
        raise ConfigError(f"two columns are answered with {name!r}", where=where, hint="choose one of them")
    return column, name


def _one_spelling(field: str) -> str:
    """``dropdown1`` and ``drop_down1`` are one custom field."""
    return min(field, other_spelling(field) or field)


def merged(earlier: Mapping[str, str], answers: Mapping[str, str]) -> dict[str, str]:
    """The answers, and those earlier ones that say nothing about a column or a field of these."""
    taken = {_one_spelling(field) for field in answers.values()} - _MANY
    kept = {column: field for column, field in earlier.items() if _one_spelling(field) not in taken}
    return kept | dict(answers)


def answered(columns: Sequence[Column], answers: Answers, *, kept: Mapping[str, str]) -> dict[Column, str]:
    """The columns that the answers, and those ``kept`` of earlier, name; of columns with the same name the first.

    Raises:
        WrongAnswersError: The export does not have one of them, or it cannot be what is said; or lines are wrong.
    """
    named = {column.name: column for column in reversed(columns)}
    folded = {name.casefold(): column for name, column in named.items()}
    found, problems = dict[Column, str](), list(answers.problems)
    for name, answer in merged(kept, answers.fields).items():
        column = named.get(name) or folded.get(name.casefold())
        what, hint = "", ""
        if column is None:
            what = f"the export has no column {shown(name)!r}"
            hint = nearest(name, named, otherwise=NO_COLUMN)
        elif column.dates and not _takes_dates(answer):
            what = f"{answer} does not accept dates, but {shown(name)!r} contains dates"
            hint = "use a custom field for dates or texts, such as date3 or text5"
        if what:
            problems.append(ConfigError(what, where=answers.places.get(name, "answers"), hint=hint))
        elif column is not None:
            found[column] = answer
    if problems:
        raise WrongAnswersError(sorted(problems, key=lambda problem: _line(problem.where)))
    return found


def _takes_dates(answer: str) -> bool:
    target = custom_target(answer, None, None)
    return target is None or "instant" in target.accepts


def _line(place: str) -> int:
    number = place.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def profile_path(mapping: Path) -> Path:
    """Where the profile of a mapping is: ``mapping.profile.json`` for ``mapping.yml``."""
    return mapping.with_suffix(".profile.json")


def as_json(suggestion: Suggestion, answers: Mapping[str, str]) -> bytes:
    """The profile as a file, without cells; ``rows`` is 0 if the export was not read to its end."""
    columns = [
        {key: it for key, it in asdict(choice).items() if key not in ("sample", "written")}
        for choice in suggestion.choices
    ]
    rows = suggestion.trial.rows if suggestion.whole else 0
    content = {"profile": 1, "rows": rows, "columns": columns, "answers": dict(answers)}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"


def load_profile(path: Path) -> Baseline | None:
    """The profile at ``path``; None if there is none.

    Raises:
        ConfigError: It is something else.
    """
    try:
        return load_baseline(path) if path.exists() else None
    except ConfigError:
        hint = "delete it, or choose another file with -o"
        raise ConfigError("the profile of the mapping cannot be read", where=str(path), hint=hint) from None


def still_true(saved: Baseline, kinds: Mapping[str, str]) -> dict[str, str]:
    """Its answers about columns that the export still has, and whose cells are what they were."""
    same = {column.casefold() for column, kind in kinds.items() if kind == saved.kinds.get(column)}
    return {column: field for column, field in saved.answers.items() if column.casefold() in same}


def differences(saved: Baseline, suggestion: Suggestion) -> Iterator[str]:
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
