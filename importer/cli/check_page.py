"""The page that `check` prints: what stops rows and the lines that hint it, what the file suffered, what is covered."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from importer.cli import printing
from importer.cli.printing import say
from importer.ledger.view import AlikeKeys
from importer.survey import Surveyed
from importer.survey.causes import Group
from importer.survey.columns import ColumnUse
from importer.survey.lengths import LengthUse
from importer.survey.notes import NotesUse
from importer.survey.suggestions import Suggestion
from importer.survey.tables import TableUse
from importer.talkdesk.answers import clean

if TYPE_CHECKING:
    from importer.fixing import Fix
    from importer.reader.checkup import Finding
    from importer.results import CheckResult
    from importer.survey.baseline import Change

_GROUPS_SHOWN = 12
_FINDINGS_SHOWN = 20
_LINES_SHOWN = 20
_NAMES_SHOWN = 12
_FIRST_SHOWN = 5


def say_check(result: CheckResult) -> None:
    """Print what an export would come to, the most urgent first."""
    found = result.found
    say(click.style(f"{result.source} · mapping {result.mapping}", bold=True) + f"  ({result.seconds:.1f} s)")
    printing.say_notes(result.notes)
    printing.say_put_back(result.put_back)
    printing.say_balance(result.balance, sent=False)
    _say_changes(result.changes)
    _say_groups(found.groups, found.suggestions)
    _section("Rows that the mapping leaves out", _choices(found))
    _section("Damage in the file (warnings)", _damage(found.damage))
    _section("Keys that look alike, but are different tickets to the importer", _near_twins(found))
    for use in found.notes:
        _section(f"Notes of {clean(use.file, 60)}", _notes(use))
    if found.rows:
        _section("Value tables", _tables(found.tables))
        _section("Texts against the limits", _lengths(found.lengths))
        _section("Columns", _columns(found))


def say_first(found: Surveyed) -> None:
    """Print what the first rows show, for a person who waits for the rest."""
    lines = [f"{_count(group)} · {_place(group)} · {group.code} · {_rows(group.rows)}" for group in found.groups]
    lines += [f"{finding.column or 'the file'}: {finding.what} · {_rows(finding.rows)}" for finding in found.damage]
    rows = f"{found.rows:,} row{'s' * (found.rows != 1)}"
    say(f"A first look, at {rows}:{'' if lines else ' nothing is wrong so far'}", error=True)
    for line in lines[:_FIRST_SHOWN]:
        say(f"  {clean(line, printing.width() - 2)}", error=True)
    if len(lines) > _FIRST_SHOWN:
        say(f"  … and {len(lines) - _FIRST_SHOWN} more", error=True)


def say_fix(fix: Fix) -> None:
    """Print what was written into a mapping."""
    if fix.path is None:
        say("\nNothing to write into the mapping.")
        return
    say()
    for line in fix.diff.splitlines():
        colour = {"+": "green", "-": "red"}.get(line[:1])
        say(click.style("".join(c if c.isprintable() else " " for c in line), fg=colour))
    if fix.backup is None:
        say(f"\nReady mappings are not changed: the lines are in a copy, {fix.path}")
        say(f"Use it from now on: --mapping {fix.path}")
    else:
        say(f"\nWritten to {fix.path}; as it was before: {fix.backup}")
    if fix.open:
        say(f"{fix.open:,} words are left for you to choose: they stand there as comments. Then check again.")


def _section(title: str, lines: Iterable[str]) -> None:
    shown = list(lines)
    if shown:
        say("\n" + click.style(title, bold=True))
        for line in shown:
            say(f"  {line}")


def _say_changes(changes: Sequence[Change]) -> None:
    _section(
        "Not like the baseline: stop the load until somebody has looked",
        (click.style(clean(change.what, printing.width() - 2), fg="red") for change in changes),
    )


def _say_groups(groups: Sequence[Group], suggested: Sequence[Suggestion]) -> None:
    if not groups:
        return
    say("\n" + click.style("Why rows would not become cases", bold=True))
    for group in groups[:_GROUPS_SHOWN]:
        state = click.style(group.state, fg=printing.COLOURS.get(group.state))
        say(f"  {_count(group):>10}  {state} · {_place(group)} · {group.code} · {_rows(group.rows)}")
        lines = [it for it in suggested if group.code in it.codes and group.target == it.target]
        for line in _explained(group, has_lines=bool(lines)):
            say(f"{'':14}{clean(line, printing.width() - 14)}")
        for suggestion in lines:
            _say_lines(suggestion)
    if len(groups) > _GROUPS_SHOWN:
        say(f"  … and {len(groups) - _GROUPS_SHOWN} more, see --json")


def _explained(group: Group, *, has_lines: bool) -> Iterator[str]:
    yield f"'{group.example}' {group.rule}" if group.example else group.rule
    if group.hint and not has_lines:
        yield group.hint


def _say_lines(suggestion: Suggestion) -> None:
    by_itself = ", or let --fix do it" if suggestion.entries else ""
    say(f"{'':14}write at {suggestion.where} ({'.'.join(map(str, suggestion.path))}){by_itself}:")
    for line in suggestion.lines[:_LINES_SHOWN]:
        say(click.style(f"{'':18}{line}", fg="cyan"))
    if len(suggestion.lines) > _LINES_SHOWN:
        say(f"{'':18}… and {len(suggestion.lines) - _LINES_SHOWN} more lines, see --json")


def _count(group: Group) -> str:
    return f"{group.records:,} row{'s' * (group.records != 1)}"


def _place(group: Group) -> str:
    return " → ".join(filter(None, (group.column and clean(group.column, 60), group.target))) or "the whole row"


def _rows(rows: Sequence[int]) -> str:
    return f"row{'s' * (len(rows) != 1)} {', '.join(map(str, rows))}" if rows else "no certain row"


def _choices(found: Surveyed) -> Iterator[str]:
    for use in found.choices:
        line = f"{clean(use.condition, 200)}: {use.rows:,} of {found.rows:,} rows"
        warning = use.warning(found.rows)
        yield line + (click.style(f" — {warning}", fg="yellow") if warning else "")


def _damage(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings[:_FINDINGS_SHOWN]:
        yield f"{clean(finding.column or 'the file', 60)}: {clean(finding.what, 200)}"
        count = f"{finding.times:,} {finding.unit}{'s' * (finding.times != 1)}"
        rows = f" · {_rows(finding.rows)}" if finding.rows else ""
        example = f" · '{clean(finding.example, 60)}'" if finding.example else ""
        yield f"    {count}{rows}{example}"
        yield f"    {finding.hint}"
    if len(findings) > _FINDINGS_SHOWN:
        yield f"… and {len(findings) - _FINDINGS_SHOWN} more, see --json"


def _notes(use: NotesUse) -> Iterator[str]:
    yield printing.notes_line(use.file, use.rows, use.without_row, use.rows_without)
    for orphan in use.orphans:
        key = f" of '{clean(orphan.key, 60)}'" if orphan.key else ""
        yield f"    row {orphan.row}{key}: {clean(orphan.message, 120)}"
    if use.orphans:
        yield "    a run keeps all of them in notes-without-case.csv; is this the right column, or an older export?"
    if use.rows and use.rows == use.without_row:
        yield "    no note belongs to any row: compare the columns of `key` and `by`, or write `ignore: [case, blanks]`"
    if unused := _unused(use.columns):
        yield unused
    yield from _damage(use.damage)


def _near_twins(found: Surveyed) -> Iterator[str]:
    for twins in found.near_twins:
        yield _twins(twins)
    if found.near_twins_count > len(found.near_twins):
        yield f"… and {found.near_twins_count - len(found.near_twins):,} more"


def _twins(twins: AlikeKeys) -> str:
    (row, key), (other_row, other) = twins.first, twins.second
    more = f" ({twins.keys:,} different ones)" if twins.keys > 2 else ""
    shown, other_shown = clean(key, 80), clean(other, 80)
    if unicodedata.normalize("NFC", shown) == unicodedata.normalize("NFC", other_shown):
        shown, other_shown = ascii(key)[1:-1], ascii(other)[1:-1]  # nobody would see the difference
    return f"'{shown}' in row {row} and '{other_shown}' in row {other_row}{more}"


def _tables(tables: Sequence[TableUse]) -> Iterator[str]:
    for use in tables:
        words = f"{len(use.words):,}{'+' * use.capped} different word{'s' * (len(use.words) != 1)}"
        unknown = f", {len(use.unknown):,} not listed (policy: {use.policy})" if use.unknown else ", all listed"
        yield f"{', '.join(use.columns)} → {use.target}: {words}{unknown}"
        if use.never_hit:
            yield f"    lines that no row asks for: {_names(use.never_hit)}"
        if use.unknown and use.policy != "reject":
            yield f"    not listed: {_names([f'{word} ({count:,})' for word, count in use.unknown.items()])}"


def _lengths(lengths: Sequence[LengthUse]) -> Iterator[str]:
    for use in lengths:
        if use.longest:
            fate = "of them cut" if use.cuts else "too long"
            over = f" · {use.over:,} {fate}" if use.over else ""
            yield f"{use.target}: longest {use.longest:,} of {use.limit:,} characters, in row {use.row}{over}"


def _columns(found: Surveyed) -> Iterator[str]:
    for column in found.columns:
        if column.used:
            more = "more than " * column.capped
            yield (
                f"{clean(column.column, 60)}: filled in {column.filled:,} of {found.rows:,} rows,"
                f" {more}{column.distinct:,} different"
            )
    if unused := _unused(found.columns):
        yield unused


def _unused(columns: Sequence[ColumnUse]) -> str:
    unused = [f"{clean(column.column, 60)} ({column.filled:,} filled)" for column in columns if not column.used]
    return f"not used by the mapping: {_names(unused, most=40)}" if unused else ""


def _names(names: Sequence[str], *, most: int = _NAMES_SHOWN) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(clean(name, 60) for name in names[:most]) + more
