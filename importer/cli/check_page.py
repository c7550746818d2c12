"""The page that ``check`` prints: what there is to know first, what to do last, where a terminal shows it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import orjson

from importer.cli.output import (
    COLOURS,
    OF_CHECK,
    Styled,
    cause_place,
    explain,
    heading,
    quoted,
    rows_text,
    say,
    say_case_updates,
    say_command,
    say_document,
    say_end,
    say_prose,
    say_remarks,
    say_steps,
    say_totals,
    section,
    width,
)
from importer.cli.run_page import notes_line
from importer.errors import ExitCode
from importer.models import State
from importer.report.next_steps import Step
from importer.text.safe import clean
from importer.text.wording import are, command_line, duration, listed, plural

if TYPE_CHECKING:
    from importer.checks.autofix import Fix, Suggestion
    from importer.checks.file_checks import FileIssue
    from importer.checks.findings import Findings
    from importer.checks.mapping_checks import LengthUse, NotesUse, TableUse
    from importer.ledger.causes import Cause
    from importer.ledger.lines import SimilarKeys
    from importer.verbs.check import CheckResult, Preview
    from importer.verbs.results import PreviewRow

_CAUSES_SHOWN = 12
_ISSUES_SHOWN = 20
_LINES_SHOWN = 20
_FIRST_SHOWN = 5
_MOST_FREQUENT = 3
_UNREAD_SHOWN = 12
_UNREAD = "Columns that the mapping does not read"


def say_check(result: CheckResult, again: Sequence[str], *, columns: bool = False, of_run: Sequence[str] = ()) -> None:
    """Print what the rows of an export would become.

    Args:
        result: The result.
        again: The arguments that `check` and `run` have in common, as they were given.
        columns: Print the statistics of columns, texts and value tables as well.
        of_run: Further arguments of `run`, as they were given with --dry-run.
    """
    title = Styled(f"{result.source}, mapping {result.mapping}", bold=True)
    say(title, f", {duration(result.seconds)} (nothing was sent)")
    say_remarks(result.notes, put_back=result.put_back)
    section("Files read because the mapping names them", (clean(file, width() - 2) for file in result.files))
    changes = (Styled(clean(change.what, width() - 2), "red") for change in result.changes)
    section("Differs from the baseline: review before you send it", changes)
    unread = [(column.column, column.filled) for column in result.columns if not column.used]
    section(
        f"{_UNREAD} (of {plural(result.rows, 'row')})", _unread(unread, most=len(unread) if columns else _UNREAD_SHOWN)
    )
    section("Columns", _columns(result) if columns else ())
    section("Text lengths", _lengths(result.lengths) if columns else ())
    section("Value tables", _tables(result.tables, all_of_them=columns))
    section("Filtered rows", _filters(result))
    section("Similar keys (imported as different tickets)", _similar_keys(result))
    section("Skipped for their key, but different from the row that counts", _merged_rows(result))
    section("File issues (warnings)", _issues(result.file_issues))
    for use in result.note_files:
        section(f"Notes from {clean(use.file, 60)}", _notes(use))
    settled = ("filtered", "already_created", "already_created_unverified", "superseded")  # the totals have these
    problems = [cause for cause in result.causes if cause.code not in settled]
    _say_problems(problems, result.suggestions, is_fixing=result.fix is not None)
    if result.fix is not None:
        _say_fix(result.fix)
    _say_verdict(result, problems, again, of_run)


def say_preview(preview: Preview) -> None:
    """Print rows as they would be sent, and what of the export would not be sent."""
    for row in preview.rows:
        _say_row(row)
    unread = _unread(preview.unread, most=_UNREAD_SHOWN)
    section(f"{_UNREAD} (of the first {plural(preview.rows_counted, 'row')})", unread)


def _say_row(row: PreviewRow) -> None:
    title = f"row {row.row} · key {clean(row.key, 80) or '(none)'}"
    if row.body is None:
        what = "filtered" if row.filtered is not None else "invalid"
        say(Styled(f"{title} · {what}", "yellow" if what == "invalid" else None, bold=True))
        for text in [row.filtered] if row.filtered is not None else map(str, row.errors):
            say(f"  {clean(text, 400)}")
        return
    for number, body in enumerate((row.body, *row.case_updates)):
        update = f"row {row.row} · case update {number}, sent after the case is created"
        say(Styled(update if number else title, bold=True))
        say_document(orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode())
        if row.parent is not None and not number:
            where = "not a row of this file" if row.parent_row is None else f"row {row.parent_row}"
            say(f"  parent_id: id of the case created for {quoted(row.parent, 80)} ({where})")


def say_first(found: Findings) -> None:
    """Print what the first rows show, for a person who waits for the rest."""
    lines = [
        f"{plural(it.rows, 'row')} · {cause_place(it)} · {it.code} · {rows_text(it.first_rows, keys=it.first_keys)}"
        for it in found.causes
    ]
    lines += [f"{issue.column or 'the file'}: {issue.what} · {rows_text(issue.rows)}" for issue in found.file_issues]
    say(f"First {plural(found.rows, 'row')}: {'problems:' if lines else 'no problems so far'}", error=True)
    for line in lines[:_FIRST_SHOWN]:
        say(f"  {clean(line, width() - 2)}", error=True)
    if len(lines) > _FIRST_SHOWN:
        say(f"  … and {len(lines) - _FIRST_SHOWN} more", error=True)


def in_short(result: CheckResult, again: Sequence[str]) -> str:
    """What is wrong, and what shows more."""
    return f"{_verdict(result)}: run {command_line(['case-importer', 'check', *again])}"


def _verdict(result: CheckResult) -> str:
    rows, invalid = plural(result.totals.read, "row"), result.totals.invalid
    if result.exit_code is ExitCode.CHANGED_SHAPE:
        return f"the file differs from the baseline ({result.changes[0].what})"
    if invalid:
        return f"{invalid:,} of {rows} {are(invalid)} invalid"
    sent = result.totals.pending + result.totals.waiting
    return f"{sent:,} of {rows} {are(sent)} ready to send"


def _say_verdict(result: CheckResult, problems: Sequence[Cause], again: Sequence[str], of_run: Sequence[str]) -> None:
    """The end of the page, which fits on a terminal of 24 lines."""
    colour = "green" if result.exit_code is ExitCode.OK else "yellow"
    say()
    say(Styled(_verdict(result), colour, bold=True))
    say_totals(result.totals, result.causes, OF_CHECK)
    _say_case_updates(result)
    most = [cause for cause in problems if cause.state is State.INVALID][:_MOST_FREQUENT]
    section(
        "Most frequent problems",
        (
            f"{it.rows:>5,}  {cause_place(it)} · {it.code} · {rows_text(it.first_rows[:2], it.rows, it.first_keys[:2])}"
            for it in most
        ),
    )
    if result.exit_code is ExitCode.OK:
        if result.totals.read:
            heading("Next")
            say_command(["case-importer", "run", *again, *of_run], 2)
        return
    if result.exit_code is ExitCode.CHANGED_SHAPE:
        step = Step("Look at what changed. If it is meant, import the file", ["case-importer", "run", *again, *of_run])
    else:
        fix = f"Fix the rows in {result.source}, or change the mapping, then"
        step = Step(fix, ["case-importer", "check", *again])
    say_steps([step])
    say_end(result, _verdict(result) if result.exit_code is ExitCode.ROWS_FAILED else "")


def _say_case_updates(result: CheckResult) -> None:
    """Print how many updates there will be, what they are, and which of them customers may notice."""
    say_case_updates(result.case_updates)
    if not result.case_updates.later:
        return
    fields = result.fields_to_set
    kinds = [f"{each.field}{f' {each.value}' if each.value else ''} {each.cases:,}" for each in fields]
    say_prose(f"namely {', '.join(kinds)}", 4)
    if changes := sum(each.cases for each in fields if each.field == "status"):
        can = f"{plural(changes, 'status change')} can send mails to customers"
        say_prose(f"{can}: see with `case-importer try` what the account does then", 4)


def _say_fix(fix: Fix) -> None:
    """Print what was written into a mapping."""
    say()
    for line in fix.diff.splitlines():
        colour = {"+": "green", "-": "red"}.get(line[:1])
        say(Styled(line, colour))
    if fix.diff:
        say()
    if fix.path is None:
        say("The mapping has these lines already." if fix.open else "Nothing to fix in the mapping.")
    elif fix.backup is None:
        say(f"Built-in mappings are not changed. Wrote a copy with these lines: {fix.path}")
        say(f"Use it from now on: {command_line(['--mapping', str(fix.path)])}")
    else:
        say(f"Wrote {fix.path}; backup: {fix.backup}")
    if fix.open:
        needed = f"{plural(fix.open, 'value')} still {'needs' if fix.open == 1 else 'need'} a translation"
        where = f"line{'s' * (len(fix.lines) != 1)} {listed(map(str, fix.lines))}"
        say_prose(f"{needed}: in `values:`, replace each … and remove the # in front ({where}), then check again.")


def _say_problems(causes: Sequence[Cause], suggested: Sequence[Suggestion], *, is_fixing: bool) -> None:
    if not causes:
        return
    heading("Problems to fix" if any(cause.state is State.INVALID for cause in causes) else "Rows that are not sent")
    for cause in causes[:_CAUSES_SHOWN]:
        is_invalid = cause.state is State.INVALID
        place = cause_place(cause) if is_invalid else Styled(cause.state.value, COLOURS.get(cause.state))
        say(f"  {cause.rows:>7,}  ", place, f" · {cause.code}")
        lines = [it for it in suggested if cause.code in it.codes and cause.target == it.target]
        explain(cause, 11, hint=not lines)
        for suggestion in lines:
            _say_lines(suggestion, "" if is_fixing or not suggestion.entries else ", or use --fix")
        say(f"{'':11}{rows_text(cause.first_rows, cause.rows, cause.first_keys)}")
    if len(causes) > _CAUSES_SHOWN:
        say(f"  {len(causes) - _CAUSES_SHOWN} more: see --json")


def _say_lines(suggestion: Suggestion, or_fix: str) -> None:
    say(f"{'':11}hint: add at {suggestion.where} ({'.'.join(map(str, suggestion.path))}){or_fix}:")
    for line in suggestion.lines[:_LINES_SHOWN]:
        say(Styled(f"{'':15}{line}", "cyan"))
    if len(suggestion.lines) > _LINES_SHOWN:
        say(f"{'':15}… and {len(suggestion.lines) - _LINES_SHOWN} more lines, see --json")


def _filters(found: Findings) -> Iterator[str | Styled]:
    for use in found.filters:
        warning = use.warning(found.rows)
        line = f"{clean(use.condition, 200)}: {use.rows:,} of {plural(found.rows, 'row')}"
        yield Styled(f"{line}; {warning}", "yellow") if warning else line


def _issues(issues: Sequence[FileIssue]) -> Iterator[str]:
    for issue in issues[:_ISSUES_SHOWN]:
        rows = f" · {rows_text(issue.rows, keys=issue.keys)}" if issue.rows else ""
        example = f" · '{clean(issue.example, 60)}'" if issue.example else ""
        yield f"{clean(issue.column or 'the file', 60)}: {clean(issue.what, 200)}"
        yield f"    {plural(issue.times, issue.unit)}{rows}{example}"
        yield f"    hint: {issue.hint}"
    if len(issues) > _ISSUES_SHOWN:
        yield f"{len(issues) - _ISSUES_SHOWN} more: see --json"


def _notes(use: NotesUse) -> Iterator[str | Styled]:
    yield notes_line(use)
    for orphan in use.orphans:
        key = f" of '{clean(orphan.key, 60)}'" if orphan.key else ""
        yield f"    row {orphan.row}{key}: {clean(orphan.message, 120)}"
    if use.orphans:
        yield "    a run writes them to notes-without-case.csv; check that the column is right and both exports have"
        yield "    the same date"
    if use.rows and use.rows == use.without_row:
        yield "    no note matches a row; compare the columns in `key` and `by`, or set `ignore: [case, blanks]`"
    for unread in _unread([(it.column, it.filled) for it in use.columns if not it.used], most=_UNREAD_SHOWN):
        yield f"not read by the mapping: {unread}"
    yield from _issues(use.file_issues)


def _similar_keys(found: Findings) -> Iterator[str]:
    for keys in found.similar_keys:
        yield _pair(keys)
    if found.similar_keys_count > len(found.similar_keys):
        yield f"{found.similar_keys_count - len(found.similar_keys):,} more: see --json"


def _merged_rows(found: Findings) -> Iterator[str]:
    for pair in found.merged_rows:
        column, cell, other = (clean(text, 40) for text in (pair.column, pair.cell, pair.skipped_cell))
        yield f"'{clean(pair.key, 40)}': row {pair.row} is sent, row {pair.skipped} is not"
        yield f"    {column}: '{cell}' and '{other}'"
    if more := found.merged_rows_count - len(found.merged_rows):
        yield f"{more:,} more"


def _pair(keys: SimilarKeys) -> str:
    (row, key), (other_row, other) = keys.first, keys.second
    more = f" ({keys.keys:,} different ones)" if keys.keys > 2 else ""
    shown, other_shown = clean(key, 80), clean(other, 80)
    if unicodedata.normalize("NFC", shown) == unicodedata.normalize("NFC", other_shown):
        shown, other_shown = ascii(key)[1:-1], ascii(other)[1:-1]  # the difference would be invisible
    return f"'{shown}' in row {row} and '{other_shown}' in row {other_row}{more}"


def _tables(tables: Sequence[TableUse], *, all_of_them: bool) -> Iterator[str]:
    """Values that no table lists and that are sent anyway are shown always: nothing else tells of them."""
    for use in tables:
        replaced = use.unknown and use.policy != "reject"
        if not all_of_them and not replaced:
            continue
        words = f"{len(use.words):,}{'+' * use.capped} different value{'s' * (len(use.words) != 1)}"
        unknown = f", {len(use.unknown):,} not listed (unknown: {use.policy})" if use.unknown else ", all listed"
        yield f"{', '.join(use.columns)} → {use.target}: {words}{unknown}"
        if use.never_hit and all_of_them:
            yield f"    unused entries: {listed(clean(word, 60) for word in use.never_hit)}"
        if replaced:
            yield f"    not listed: {listed(f'{clean(word, 60)} ({count:,})' for word, count in use.unknown.items())}"


def _lengths(lengths: Sequence[LengthUse]) -> Iterator[str]:
    for use in lengths:
        if use.longest:
            over = f"; {use.over:,} {'truncated' if use.cuts else 'too long'}" if use.over else ""
            yield f"{use.target}: longest {use.longest:,} characters (row {use.row}), maximum {use.limit:,}{over}"


def _columns(found: Findings) -> Iterator[str]:
    for column in found.columns:
        if column.used:
            filled = f"{column.filled:,} of {plural(found.rows, 'row')} filled"
            more = "more than " * column.capped
            kind = f"{column.kind}, " if column.kind else ""
            yield f"{clean(column.column, 60)}: {kind}{filled}, {more}{plural(column.distinct, 'different value')}"


def _unread(columns: Iterable[tuple[str, int]], *, most: int) -> Iterator[str]:
    """Columns that the mapping does not read, the fullest first: what is in them does not get into the cases."""
    fullest = sorted(columns, key=lambda column: -column[1])
    if fullest:
        yield listed((f"{clean(name, 60)} ({filled:,} filled)" for name, filled in fullest), most=most)
