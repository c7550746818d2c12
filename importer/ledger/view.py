"""Looking at a ledger without being able to change it: for status and reports, also while a run is going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from importer.ledger import database, parents
from importer.ledger.case_updates import ANSWERS
from importer.ledger.json_columns import cells_from_json, errors_from_json, to_json
from importer.ledger.lines import (
    FailureLine,
    KnownCase,
    OpenUpdate,
    Orphan,
    ResultLine,
    RunLine,
    SimilarKeys,
    UnlinkedCount,
)
from importer.ledger.records import FieldSet, MergedRows, SourceInfo
from importer.ledger.sources import FILTERED, read_sources
from importer.ledger.who_answers import DIFFERS
from importer.models import FieldError, State, UpdateKind

T = TypeVar("T")

#: Of a record, the fields of :class:`ResultLine` but for the last one.
LINE = f"record.id, source, row, key, state, case_id, http_status, attempts, {parents.CODE}, {parents.MESSAGE}"
#: Rows that do not become cases unless the user acts. What is merely pending goes with the next run; what waits for
#: another row goes with that one.
_NEEDS_A_PERSON = (
    "(state IN ('invalid', 'refused', 'unknown', 'duplicate') OR (state = 'pending' AND record.code = 'suppressed')"
    f" OR (state = 'waiting' AND {parents.CODE} = 'parent_dropped'))"
)
#: Where a case update stands, as people want to know it: see :meth:`LedgerView.update_items`.
_STANDING = (
    "CASE WHEN record.state <> 'created' THEN 'later' WHEN case_update.state = 'pending' AND EXISTS ("
    "SELECT 1 FROM case_update AS other"
    " WHERE other.record = case_update.record AND other.state IN ('refused', 'unknown'))"
    " THEN 'held' ELSE case_update.state END"
)
#: What the case of a row is to get that is in view, and was a case before.
_OPEN_UPDATE = f"(case_update.state NOT IN ('done', 'dropped') AND record.state = 'created' AND {ANSWERS})"


class LedgerView:
    """A ledger as it was at one moment: one read transaction, so that all reports agree with each other.

    Sources that were not read to their end are not in view: their records are dropped and read again; nor are others
    than ``source``, if it is given.

    Raises:
        LedgerError: the file is missing, damaged, not a ledger, or one of an older version.
    """

    def __init__(self, path: Path, *, source: int | None = None) -> None:
        self.path = path
        self.source = source
        self._connection = database.open_read_only(path)
        with database.closing_on_error(self._connection), database.translated(path):
            database.assert_newest(self._connection, path)
            self._connection.execute("BEGIN")
            half_read = "SELECT id FROM source WHERE staged = 0"
            self._is_whole = self._connection.execute(half_read).fetchone() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def select(self, query: str, where: str = "", *, also: str = "0", **values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a query whose ``{where}`` narrows it to the sources in view that were read to their end.

        ``also``: a condition of what is of another source and in view.
        """
        chosen = f"(source = :source OR {also})" if self.source else ""
        read = "" if self._is_whole else "source IN (SELECT id FROM source WHERE staged = 1)"
        conditions = [condition for condition in (where, chosen, read) if condition]
        clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with database.translated(self.path):
            # not "yield from": that would close the cursor of a half-read generator after its connection
            values["source"] = self.source
            for row in self._connection.execute(query.format(where=clause), values):  # noqa: UP028
                yield row

    def read(self, make: Callable[..., T], query: str, where: str = "", **values: Any) -> Iterator[T]:
        """What ``make`` makes of each row of a query, see :meth:`select`."""
        for row in self.select(query, where, **values):
            try:
                made = make(*row)
            except (ValueError, TypeError, AttributeError) as error:
                raise database.damaged(self.path, str(error)) from error
            yield made

    # -- the whole ------------------------------------------------------------------------------------

    def identity(self) -> tuple[str, str | None]:
        """The ledger's id and the target it is pinned to."""
        ((name, target),) = self._rows("SELECT id, target FROM ledger")
        return name, target

    def sources(self) -> list[SourceInfo]:
        """The sources in view, oldest first."""
        with database.translated(self.path):
            try:
                found = read_sources(self._connection)
            except (ValueError, TypeError) as error:
                raise database.damaged(self.path, str(error)) from error
        return [source for source in found if source.staged and self.source in (None, source.id)]

    def half_read(self) -> tuple[str, ...]:
        """Names of files that are being read, or whose reading was cut short."""
        return tuple(name for (name,) in self._rows("SELECT name FROM source WHERE staged = 0"))

    def last_mapping(self) -> str:
        """The mapping of the last file, as it is typed."""
        return next((source.mapping_place or source.mapping_name for source in self.sources()[-1:]), "MAPPING")

    def runs(self) -> list[RunLine]:
        """Every time that a process had the ledger, oldest first. Goes through the whole history."""
        query = "SELECT id, verb, version, started_at, ended_at, exit_code FROM run ORDER BY id"
        requests = (
            "SELECT run, count(*) FROM (SELECT run FROM event WHERE state = 'sending' UNION ALL"
            " SELECT run FROM case_update_event WHERE state = 'sending') GROUP BY run"
        )
        last = "SELECT run, record, state, max(id) FROM event GROUP BY run, record"
        sent = dict(self._rows(requests))
        rows: dict[int, dict[str, int]] = {}
        for run, state, count in self._rows(f"SELECT run, state, count(*) FROM ({last}) GROUP BY 1, 2"):
            rows.setdefault(run, {})[state] = count
        return [RunLine(*[*run, sent.get(run[0], 0), rows.get(run[0], {})]) for run in self._rows(query)]

    # -- totals ---------------------------------------------------------------------------------------

    def counts(self) -> Counter[State]:
        """Records by state."""
        query = "SELECT state, count(*) FROM record {where} GROUP BY state"
        return Counter(dict(self.read(lambda state, count: (State(state), count), query)))

    def left_open(self) -> int:
        """How many rows of other sources than the one in view are not finished, and not in it."""
        query = (
            "SELECT count(*) FROM record WHERE source <> ? AND (state = 'pending' OR state = 'waiting' OR"
            " state = 'unknown') AND source IN (SELECT id FROM source WHERE staged = 1) AND NOT EXISTS ("
            " SELECT 1 FROM record AS again WHERE again.key = record.key AND again.source = ?"
            f" AND again.code IS NOT '{FILTERED}')"
        )
        with database.translated(self.path):
            return int(self._connection.execute(query, (self.source, self.source)).fetchone()[0])

    def unlike_duplicates(self, most: int) -> tuple[int, list[tuple[int, str]]]:
        """How many rows have the key of an earlier one and another content; of the first, which row is sent instead."""
        rows = list(
            self.select(
                f"SELECT row, message, count(*) OVER () FROM record {{where}} ORDER BY id LIMIT {most:d}",
                "code = 'duplicate_key' AND substr(message, -length(:differs)) = :differs",
                differs=DIFFERS,
            )
        )
        named = [(row, message.removeprefix("duplicate key: ").removesuffix(DIFFERS)) for row, message, _ in rows]
        return (rows[0][2] if rows else 0), named

    def last_row(self) -> tuple[int, tuple[FieldError, ...]] | None:
        """The number of the last row in view, and what is wrong with it."""
        query = (
            "SELECT row, errors FROM record LEFT JOIN content ON content.record = record.id {where}"
            " ORDER BY record.id DESC LIMIT 1"
        )
        return next(self.read(lambda row, errors: (row, errors_from_json(errors)), query), None)

    def unlinked(self) -> list[UnlinkedCount]:
        """Links of good rows that were not made as the file has them, by cause."""
        rows = self.select(
            "SELECT problem, parent_key IS NOT NULL AS led, count(*), min(row) FROM link"
            " JOIN record ON record.id = link.record {where} GROUP BY problem, led",
            "problem IS NOT NULL AND state <> 'invalid' AND state <> 'skipped'",
        )
        return [UnlinkedCount(code, bool(led), count, row) for code, led, count, row in rows]

    def similar_keys(self, look: Callable[[str], str], most: int) -> tuple[list[SimilarKeys], int]:
        """The first ``most`` groups of different keys for which ``look`` gives the same text, at least one of them in
        view; and how many there are. Sorting is left to the file, so memory is flat however many keys there are."""
        query = f"""
            SELECT count(DISTINCT key), min(key), max(key) FROM record
            WHERE key <> '' AND (state <> 'skipped' OR code IS NOT '{FILTERED}') GROUP BY look(key)
            HAVING min(key) <> max(key) AND max(:source IS NULL OR source = :source) ORDER BY min(id)"""
        # the first row that has a key, in view if there is one
        first_row = "SELECT row FROM record WHERE key = ? ORDER BY source IS NOT ?, id LIMIT 1"
        groups, count = [], 0
        with database.translated(self.path):
            self._connection.create_function("look", 1, look, deterministic=True)
            for keys, *pair in self._connection.execute(query, {"source": self.source}):
                count += 1
                if count <= most:
                    rows = [self._connection.execute(first_row, (key, self.source)).fetchone()[0] for key in pair]
                    groups.append(SimilarKeys(keys, *sorted(zip(rows, pair, strict=True))))
        return groups, count

    def keys_of(self, rows: Collection[int]) -> dict[int, str]:
        """The keys of rows with these numbers; of the source in view."""
        which = "row IN (SELECT value FROM json_each(:rows))"
        return dict(self.select("SELECT row, key FROM record {where}", which, rows=to_json(list(rows))) if rows else ())

    def merged_rows(self, most: int) -> tuple[list[MergedRows], int]:
        """The first ``most`` rows in view that are skipped for their key although the row that counts has other cells;
        and how many there are."""
        rows = self.select(
            "SELECT skipped.key, counts.row, skipped.row, columns, kept.cells, content.cells"
            " FROM (SELECT id, source, row, key FROM record {where} ORDER BY id) AS skipped"
            " JOIN record AS counts ON counts.key = skipped.key AND counts.source = skipped.source"
            " AND counts.state IN ('pending', 'waiting')"
            " JOIN content ON content.record = skipped.id JOIN content AS kept ON kept.record = counts.id"
            " JOIN source ON source.id = skipped.source WHERE kept.cells <> content.cells",
            "code = 'duplicate_key'",
        )
        found, count = [], 0
        for key, row, skipped, columns, cells, others in rows:
            count += 1
            if count <= most:
                pairs = zip(*map(cells_from_json, (columns, cells, others)), strict=True)
                found.append(MergedRows(key, row, skipped, *next(pair for pair in pairs if pair[1] != pair[2])))
        return found, count

    def requests(self) -> int:
        """Requests that were sent to create the records in view, and to update their cases."""
        rows = self.select(
            "SELECT coalesce(sum(attempts), 0) + coalesce(sum((SELECT sum(case_update.attempts) FROM case_update"
            " WHERE case_update.record = record.id)), 0) FROM record {where}"
        )
        return int(next(iter(rows))[0])

    def refusals(self) -> Counter[int]:
        """How often a request for the records in view was answered with an HTTP status that is none of success."""
        rows = self.select(
            "SELECT told.http_status, count(*) FROM ("
            "SELECT record, http_status FROM event WHERE http_status >= 300 UNION ALL"
            " SELECT record, http_status FROM case_update_event WHERE http_status >= 300"
            ") AS told JOIN record ON record.id = told.record {where} GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        return Counter(dict(rows))

    def update_items(self) -> Counter[str]:
        """What case updates carry, notes and fields, by where it stands.

        Standings are the values of :class:`importer.models.CaseUpdateState`, for rows that are cases, and also
        ``held`` (an update before it is unknown or was refused) and ``later`` (its row is not a case yet). Those that
        are ``done`` count as ``changed`` as well if the server made something else of them.
        """
        is_changed = "case_update.state = 'done' AND case_update.code = 'changed'"
        rows = self.select(
            f"SELECT {_STANDING} AS standing, sum(items), sum(iif({is_changed}, items, 0)) FROM case_update"
            " JOIN record ON record.id = case_update.record {where} GROUP BY standing",
            "record.state IN ('created', 'pending', 'waiting', 'sending', 'unknown')",
            also=_OPEN_UPDATE,
        )
        found = [(standing, items, changed) for standing, items, changed in rows]
        changed = sum(changed for _, _, changed in found)
        return +Counter({standing: items for standing, items, _ in found} | {"changed": changed})

    def fields_set(self) -> Iterator[FieldSet]:
        """What case updates have set, by field; a status by its last value. Not of updates that were forgotten."""
        return self.read(
            FieldSet,
            # with max(), SQLite takes the other columns from the row that has it
            "SELECT field, value, count(*) FROM (SELECT json_each.key AS field,"
            " iif(json_each.key = 'status', json_each.value, NULL) AS value, max(position)"
            " FROM case_update JOIN record ON record.id = case_update.record, json_each(case_update.body) {where}"
            " GROUP BY record.id, field) GROUP BY field, value ORDER BY field, value",
            f"kind <> '{UpdateKind.NOTES}' AND case_update.state = 'done'",
        )

    def fields_to_set(self) -> Iterator[FieldSet]:
        """What the case updates of rows that can be sent will set, and how often; a status by each of its values."""
        return self.read(
            FieldSet,
            "SELECT field.key AS name, iif(field.key = 'status', field.value, NULL) AS status,"
            " sum(iif(field.key IN ('notes', 'custom_fields'), (SELECT count(*) FROM json_each(field.value)), 1))"
            " FROM case_update JOIN record ON record.id = case_update.record, json_each(case_update.body) AS field"
            " {where} GROUP BY name, status ORDER BY name, status",
            "record.state IN ('pending', 'waiting')",
        )

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query about the whole ledger."""
        with database.translated(self.path):
            return self._connection.execute(query).fetchall()

    # -- one by one -----------------------------------------------------------------------------------

    def results(self, *, titles: bool = False) -> Iterator[ResultLine]:
        """One line a record, in input order; with ``titles`` the contents of all rows are read for them."""
        title = "iif(json_valid(body), json_extract(body, '$.title'), NULL)" if titles else "NULL"
        content = "LEFT JOIN content ON content.record = record.id" if titles else ""
        return self.read(_result, f"SELECT {LINE}, {title} FROM record {content} {{where}} ORDER BY record.id")

    def created(self) -> Iterator[KnownCase]:
        """The cases of the records in view, in input order, with when each of them was known to be one."""
        return self.read(
            KnownCase,
            # through the events once, whatever the planner thinks: they have no index
            "SELECT key, record.case_id, max(event.at) FROM event CROSS JOIN record ON record.id = event.record"
            " {where} GROUP BY record.id ORDER BY record.id",
            "event.state = 'created' AND record.state = 'created'",
        )

    def failures(self, sources: Iterable[SourceInfo] | None = None) -> Iterator[FailureLine]:
        """The records that need a person, of these sources or of all, with the user's own cells, in input order.

        Forgotten ones are missing: without cells there is nothing to fix.
        """
        ids = None if sources is None else ", ".join(str(source.id) for source in sources)
        return self.read(
            lambda cells, errors, *line: FailureLine(_result(*line), cells_from_json(cells), errors_from_json(errors)),
            f"SELECT cells, errors, {LINE}, NULL FROM record JOIN content ON content.record = record.id"
            " {where} ORDER BY record.id",
            _NEEDS_A_PERSON if ids is None else f"{_NEEDS_A_PERSON} AND source IN ({ids})",
        )

    def has_rows_to_fix(self) -> bool:
        """Whether there is a row for the failures files."""
        return next(iter(self.failures()), None) is not None

    def updates_to_report(self) -> Iterator[OpenUpdate]:
        """What did not reach its case although that is there, and what the server changed, in order."""
        return self.read(
            OpenUpdate,
            f"SELECT key, case_id, position, {_STANDING}, case_update.http_status, case_update.code,"
            " case_update.message, CAST(body AS BLOB)"
            " FROM case_update JOIN record ON record.id = case_update.record {where}"
            " ORDER BY case_update.record, position",
            "record.state = 'created' AND body IS NOT NULL"
            " AND (case_update.state NOT IN ('done', 'dropped') OR case_update.code = 'changed')",
            also=_OPEN_UPDATE,
        )

    def were_unknown(self) -> Counter[str]:
        """What became of the records that had an unknown outcome: ``found`` or sent ``again``, so that they are cases;
        ``absent``, and not sent again yet; ``failed``, so that they are no cases; ``resolved``, ``duplicate``, or
        still ``open``."""
        rows = self.select(
            "SELECT CASE WHEN state IN ('unknown', 'sending') THEN 'open' WHEN state = 'duplicate' THEN 'duplicate'"
            " WHEN code = 'resolved' THEN 'resolved' WHEN state = 'created' THEN iif(code = 'found', 'found', 'again')"
            " WHEN state IN ('pending', 'waiting') THEN 'absent' ELSE 'failed' END, count(*)"
            " FROM record {where} GROUP BY 1",
            "id IN (SELECT record FROM event WHERE event.state = 'unknown')",
        )
        return Counter(dict(rows))

    def not_settled(self, most: int) -> list[tuple[int, str, str, str | None, str | None]]:
        """Row, key, state, code and message of the first records of which it is not known which case they are."""
        query = f"SELECT row, key, state, code, message FROM record {{where}} ORDER BY id LIMIT {most:d}"
        return list(self.select(query, "state IN ('unknown', 'duplicate', 'sending')"))

    def cases_at(self, places: Sequence[int]) -> Iterator[tuple[int, str, str, bytes | None]]:
        """Row, key, case id and body of the cases with these numbers, from 0 and in order; the body is None if it was
        deleted. All of them together read the ledger once, however large it is."""
        query = (
            "SELECT record.id, row, key, case_id, CAST(body AS BLOB) FROM record"
            " LEFT JOIN content ON content.record = record.id"
            " WHERE record.id = (SELECT id FROM record {where} ORDER BY id LIMIT 1 OFFSET :skipped)"
        )
        last, before = 0, -1
        for place in places:
            values: dict[str, Any] = {"last": last, "skipped": place - before - 1}
            for record, *case in self.select(query, "state = 'created' AND id > :last", **values):
                last, before = record, place
                row, key, case_id, body = case
                yield row, key, case_id, body

    def orphans(self, *, file: int | None = None, most: int = -1) -> Iterator[Orphan]:
        """The rows of companion files that belong to no row of the sources in view, in the order of their files.

        ``file``: only those of this companion file of a source, from 0. ``most``: at most so many, -1 for all.
        """
        return self.read(
            lambda *line: Orphan(*[*line[:-1], cells_from_json(line[-1])]),
            "SELECT source, position, row, key, code, message, cells FROM orphan"
            f" JOIN companion_file ON companion_file.id = orphan.file {{where}} ORDER BY orphan.id LIMIT {most:d}",
            "" if file is None else "position = :file",
            file=file,
        )


def _result(record: int, source: int, row: int, key: str, state: str, *rest: Any) -> ResultLine:
    return ResultLine(record, source, row, key, State(state), *rest)
