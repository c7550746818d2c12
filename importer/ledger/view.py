"""Looking at a ledger without being able to change it: for status and reports, also while a run is going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from importer.ledger import links, store
from importer.ledger.packing import field_errors, unpacked_cells
from importer.ledger.staging import SOURCE_QUERY, source_info
from importer.ledger.values import FailureLine, ResultLine, SourceInfo
from importer.models import State

_LINE = f"record.id, source, row, key, state, case_id, http_status, attempts, {links.CODE}, {links.MESSAGE}"
#: Rows that do not arrive unless somebody does something. What is merely pending goes with the next run; what waits for
#: another row goes with that one.
_NEEDS_A_PERSON = (
    "(state IN ('invalid', 'refused', 'unknown', 'duplicate') OR (state = 'pending' AND record.code = 'parked')"
    f" OR (state = 'waiting' AND {links.CODE} = 'parent_gone'))"
)


_STANDING = (
    "CASE WHEN record.state <> 'created' THEN 'later' WHEN addition.state = 'pending' AND EXISTS ("
    "SELECT 1 FROM addition AS other WHERE other.record = addition.record AND other.state IN ('refused', 'unknown'))"
    " THEN 'held' ELSE addition.state END"
)
_FOLLOWING = (
    f"SELECT {_STANDING} AS standing, sum(notes) FROM addition JOIN record ON record.id = addition.record {{where}}"
)
_MAY_FOLLOW = "record.state IN ('created', 'pending', 'waiting', 'sending', 'unknown')"


class OpenNotes(NamedTuple):
    """One update that did not reach its case, with what is in it; ``standing`` as in :meth:`LedgerView.following`."""

    key: str
    case_id: str
    part: int
    standing: str
    http_status: int | None
    code: str | None
    message: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class UnlinkedCount:
    """How many links between rows were not made as the file has them, for one cause.

    Attributes:
        code: Why.
        led_to_root: They lead to the topmost row instead; else they were left out.
        rows: How many.
        first_row: The first of them.
    """

    code: str
    led_to_root: bool
    rows: int
    first_row: int


@dataclass(frozen=True, slots=True)
class AlikeKeys:
    """Different keys that look alike.

    Attributes:
        keys: How many different ones there are.
        first: One of them: the first row that has it, and the key.
        second: Another one.
    """

    keys: int
    first: tuple[int, str]
    second: tuple[int, str]


class LedgerView:
    """A ledger as it was at one moment: one read transaction, so that all reports agree with each other.

    Sources that were not read to their end are not in view: their records are dropped and read again.

    Args:
        path: The ledger.
        source: Look at this source only; None for the whole ledger.

    Raises:
        LedgerError: the file is missing, damaged, or not a ledger.
    """

    def __init__(self, path: Path, *, source: int | None = None) -> None:
        self.path = path
        self.source = source
        self._connection = store.connect_read_only(path)
        with store.translated(path):
            self._connection.execute("BEGIN")
            half_read = "SELECT id FROM source WHERE staged = 0"
            self._is_whole = self._connection.execute(half_read).fetchone() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def select(self, query: str, where: str = "", **values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a query whose ``{where}`` narrows it to the sources in view that were read to their end."""
        chosen = "source = :source" if self.source else ""
        read = "" if self._is_whole else "source IN (SELECT id FROM source WHERE staged = 1)"
        conditions = [condition for condition in (where, chosen, read) if condition]
        clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with store.translated(self.path):
            # not "yield from": that would close the cursor of a half-read generator after its connection
            for row in self._connection.execute(query.format(where=clause), {"source": self.source, **values}):  # noqa: UP028
                yield row

    @contextmanager
    def sound(self) -> Iterator[None]:
        """A value that cannot be one of ours means that the file is damaged."""
        try:
            yield
        except (ValueError, TypeError) as error:
            raise store.damaged(self.path, str(error)) from error

    def identity(self) -> tuple[str, str | None]:
        """The ledger's id and the target it is pinned to."""
        with store.translated(self.path):
            row = self._connection.execute("SELECT id, target FROM ledger").fetchone()
        return row[0], row[1]

    def sources(self) -> list[SourceInfo]:
        """The sources in view, oldest first."""
        with store.translated(self.path), self.sound():
            found = [source_info(row) for row in self._connection.execute(SOURCE_QUERY)]
        return [source for source in found if source.staged and self.source in (None, source.id)]

    def half_read(self) -> tuple[str, ...]:
        """Names of files that are being read, or whose reading was cut short."""
        with store.translated(self.path):
            return tuple(name for (name,) in self._connection.execute("SELECT name FROM source WHERE staged = 0"))

    def counts(self) -> Counter[State]:
        """Records by state."""
        rows = self.select("SELECT state, count(*) FROM record {where} GROUP BY state")
        with self.sound():
            return Counter({State(state): count for state, count in rows})

    def unlinked(self) -> list[UnlinkedCount]:
        """Links of good rows that were not made as the file has them, by cause."""
        rows = self.select(
            "SELECT fate, above IS NOT NULL AS led, count(*), min(row) FROM link"
            " JOIN record ON record.id = link.record {where} GROUP BY fate, led",
            "fate IS NOT NULL AND state <> 'invalid' AND state <> 'skipped'",
        )
        return [UnlinkedCount(code, bool(led), count, row) for code, led, count, row in rows]

    def alike(self, look: Callable[[str], str], most: int) -> tuple[list[AlikeKeys], int]:
        """Groups of different keys for which ``look`` gives the same text, at least one of them in view.

        Sorting is left to the file, so memory is flat however many keys there are.

        Returns:
            The first ``most`` groups, and how many there are.
        """
        query = """
            SELECT count(DISTINCT key), min(key), max(key) FROM record
            WHERE key <> '' AND (state <> 'skipped' OR code IS NOT 'left_out') GROUP BY look(key)
            HAVING min(key) <> max(key) AND max(:source IS NULL OR source = :source) ORDER BY min(id)"""
        with store.translated(self.path):
            self._connection.create_function("look", 1, look, deterministic=True)
            groups, count = [], 0
            for keys, first, second in self._connection.execute(query, {"source": self.source}):
                count += 1
                if count <= most:
                    rows = sorted((self._first_row_of(key), key) for key in (first, second))
                    groups.append(AlikeKeys(keys, *rows))
        return groups, count

    def _first_row_of(self, key: str) -> int:
        """The first row with ``key``, in view if there is one."""
        query = "SELECT row FROM record WHERE key = ? ORDER BY source IS NOT ?, id LIMIT 1"
        return int(self._connection.execute(query, (key, self.source)).fetchone()[0])

    def results(self) -> Iterator[ResultLine]:
        """One line a record, in input order."""
        return map(ResultLine._make, self.select(f"SELECT {_LINE} FROM record {{where}} ORDER BY record.id"))

    def failures(self) -> Iterator[FailureLine]:
        """The records that need a person, with the user's own cells, in input order.

        Forgotten ones are left out: without cells there is nothing to correct.
        """
        query = (
            f"SELECT {_LINE}, cells, body, errors FROM record JOIN content ON content.record = record.id"
            " {where} ORDER BY record.id"
        )
        for *line, cells, body, errors in self.select(query, f"{_NEEDS_A_PERSON} AND cells <> x''"):
            with self.sound():
                failure = FailureLine(ResultLine(*line), unpacked_cells(cells, body), field_errors(errors))
            yield failure

    def following(self) -> Counter[str]:
        """Notes that follow their cases, by where they stand.

        Standings are the values of :class:`importer.models.AdditionState`, for rows that are cases, and beside them
        ``held`` (those before them are in doubt or were refused) and ``later`` (their row is not a case yet).
        """
        return Counter(dict(self.select(_FOLLOWING + " GROUP BY standing", _MAY_FOLLOW)))

    def open_notes(self) -> Iterator[OpenNotes]:
        """What did not follow its case although that is there, in order."""
        query = (
            f"SELECT key, case_id, part, {_STANDING}, addition.http_status, addition.code, addition.message, body"
            " FROM addition JOIN record ON record.id = addition.record {where} ORDER BY addition.record, part"
        )
        where = "record.state = 'created' AND addition.state NOT IN ('done', 'dropped')"
        for row in self.select(query, where):
            yield OpenNotes(*row)

    def refusals(self) -> Counter[int]:
        """How often a request for the records in view was answered with an HTTP status that is none of success.

        What became of a record because another one proved an answer wrong is told in the history and is no answer.
        """
        rows = self.select(
            "SELECT told.http_status, count(*) FROM ("
            "SELECT record, http_status FROM event WHERE http_status >= 300 AND code IS NOT 'contradicted' UNION ALL"
            " SELECT record, http_status FROM addition_event WHERE http_status >= 300"
            ") AS told JOIN record ON record.id = told.record {where} GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        return Counter(dict(rows))

    def requests(self) -> int:
        """Requests that were sent to create the records in view, and to add notes to their cases."""
        rows = self.select(
            "SELECT coalesce(sum(attempts), 0) + coalesce(sum((SELECT sum(addition.attempts) FROM addition"
            " WHERE addition.record = record.id)), 0) FROM record {where}"
        )
        return int(next(iter(rows))[0])
