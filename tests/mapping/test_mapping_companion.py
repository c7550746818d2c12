"""Notes from a second file: joined as a dictionary would join them, in order, with nothing lost on either side."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import memory, stage
from mapping_files import CASE, Load

from importer.errors import CaseImporterError, SourceError
from importer.intake.companions import Companions, open_companions
from importer.ledger import Ledger, LedgerView, sources
from importer.ledger.lines import Orphan
from importer.ledger.records import CompanionFile, StagedRow
from importer.mapping import Mapping, RowMapper
from importer.models import Mapped, Row

HEADER = "Ticket,At,Who,Text,Shown\n"
NOTE = (
    "  notes: [{each: {file: c.csv, key: Ticket%s}, title: Who, body: Text, public: {column: Shown, default: false}}]\n"
)
COLUMNS = ("ID", "T", "D")


class Opened(NamedTuple):
    """The companion files of a mapping, loaded into a ledger that is thrown away."""

    ledger: Ledger
    mapper: RowMapper
    companions: Companions

    def apply(self, *rows: Row) -> list[Mapped]:
        """What becomes of rows of the export."""
        mapped = [self.mapper.apply(row) for row in rows]
        self.companions.note_keys(rows)
        sources.add_rows(self.ledger, 1, [StagedRow(*both) for both in zip(rows, mapped, strict=True)])
        return mapped

    def mapped(self, *keys: str) -> list[Mapped]:
        """What becomes of rows with these keys."""
        return self.apply(*(Row(number, (key, "T", "D")) for number, key in enumerate(keys, 2)))

    def finish(self) -> tuple[CompanionFile, list[Orphan]]:
        """What the ledger keeps of the file once all rows are read."""
        sources.finish_source(self.ledger, 1, self.companions.as_read())
        with LedgerView(self.ledger.path) as view:
            return view.sources()[0].companions[0], list(view.orphans())


@contextmanager
def opened(mapping: Mapping, columns: Sequence[str] = COLUMNS) -> Iterator[Opened]:
    with (
        TemporaryDirectory(dir=memory()) as folder,
        Ledger(Path(folder, "l.db"), verb="check") as ledger,
        open_companions(ledger, mapping, Path()) as companions,
    ):
        mapper = mapping.bind(tuple(columns), companions.tables)
        companions.load(lambda: None)
        stage(ledger, [], finish=False)
        yield Opened(ledger, mapper, companions)


def texts(found: Mapped) -> list[str]:
    assert found.body is not None, found.errors
    return [note["note_body"] for note in orjson.loads(found.body).get("notes", ())]


def told(orphans: list[Orphan]) -> list[tuple[int, str, str]]:
    return [(orphan.row, orphan.key, orphan.code) for orphan in orphans]


def written(text: str, encoding: str = "utf-8") -> None:
    Path("c.csv").write_bytes(text.encode(encoding))


def test_the_notes_of_a_row_in_the_order_of_the_file_and_the_orphans_of_both_sides(load: Load) -> None:
    written(HEADER + "1,,Ana,one,yes\n3,,,three,\n 1 ,,Bo,two,no\n,,Bo,lost,\n9,,Bo,stray,\n9,,Bo,again,\n")
    with opened(load(CASE + NOTE % "")) as here:
        results = here.mapped("1", "2", "3", "1", " ")
        assert [texts(found) for found in results[:4]] == [["one", "two"], [], ["three"], ["one", "two"]]
        assert orjson.loads(results[0].body or b"")["notes"][0] == {
            "note_title": "Ana",
            "note_body": "one",
            "public": True,
        }
        file, orphans = here.finish()
        assert told(orphans) == [(5, "", "no_key"), (6, "9", "no_row"), (7, "9", "no_row")]
        assert (file.rows, file.without_row, file.rows_without) == (6, 3, 2)
        assert here.companions.tables[0].used == {"Ticket", "Who", "Text", "Shown"}


def test_dates_are_sorted_as_dates_and_equal_ones_stay_as_they_are(load: Load) -> None:
    written(HEADER + "1,10.02.2024,,b,\n1,09.02.2024,,a,\n1,,,first,\n1,10.02.2024,,c,\n1,01.03.2023,,old,\n")
    order = ", order: {column: At, type: date, format: '%d.%m.%Y'}"
    with opened(load(CASE + NOTE % order)) as here:
        assert texts(here.mapped("1")[0]) == ["first", "old", "a", "b", "c"]


def test_several_values_sort_together(load: Load) -> None:
    written(HEADER + "1,10,b,3,\n1,9,b,2,\n1,10,a,1,\n")
    with opened(load(CASE + NOTE % ", order: [Who, {column: At, type: integer}]")) as here:
        assert texts(here.mapped("1")[0]) == ["1", "2", "3"]


def test_what_is_wrong_with_a_note_is_said_with_its_file_row_and_column(load: Load) -> None:
    written(HEADER + "1,never,Ana,one,perhaps\n2,2024-01-01,,two,\n")
    with opened(load(CASE + NOTE % ", order: {column: At, type: datetime, format: iso}")) as here:
        bad, good = here.mapped("1", "2")
    assert texts(good) == ["two"]
    assert [(error.code, error.column, error.value, error.target) for error in bad.errors] == [
        ("not_a_date", "c.csv: At", "never", "notes.order"),
        ("not_a_boolean", "c.csv: Shown", "perhaps", "notes.public"),
    ]
    assert all("row 2 of c.csv" in error.rule for error in bad.errors)


def test_notes_of_a_row_that_is_wrong_in_other_ways_are_no_orphans(load: Load) -> None:
    """Its title is missing, a cell of it is damaged, or a NUL spoils it; only without its cells nobody can know."""
    written(HEADER + "1,,,a,\n2,,,b,\n3,,,c,\n4,,,d,\n")
    with opened(load(CASE + NOTE % "")) as here:
        rows = [
            Row(2, ("1", "", "D")),
            Row(3, ("2", "T", "\x00")),
            Row(4, ("3", "T", "D"), tuple(here.mapper.apply(Row(9, ("x",))).errors)),
            Row(5, ("4", "T")),
        ]
        assert all(mapped.errors for mapped in here.apply(*rows))
        file, orphans = here.finish()
        assert told(orphans) == [(5, "4", "no_row")]
        assert file.rows_without == 1


def test_damaged_rows_are_orphans_with_their_reason_and_the_others_arrive(load: Load) -> None:
    written(HEADER + "1,,,one,\n1,,too,many,fields,here\n1\n1,,,two,\n1,,,nul\x00,\n")
    with opened(load(CASE + NOTE % "")) as here:
        assert texts(here.mapped("1")[0]) == ["one", "two"]
        _, found = here.finish()
    assert [(orphan.row, orphan.code) for orphan in found] == [
        (3, "too_many_fields"),
        (4, "too_few_fields"),
        (6, "nul_character"),
    ]
    assert found[0].cells == ("1", "", "too", "many", "fields", "here")
    assert "has 6 fields, but the header has 5" in found[0].message


def test_keys_of_several_columns_fold_and_never_run_into_each_other(load: Load) -> None:
    written("A,B,Text\nab,c,one\na,bc,two\nA B,C,three\n,c,four\n")
    note = "  notes: [{each: {file: c.csv, key: [A, B], by: [ID, T], ignore: [case, blanks]}, body: Text}]\n"
    with opened(load(CASE + note)) as here:
        rows = [Row(2, ("a", "b c", "D")), Row(3, ("AB", "c", "D")), Row(4, ("1", "c", "D"))]
        assert list(map(texts, here.apply(*rows))) == [["two"], ["one", "three"], []]
        assert told(here.finish()[1]) == [(5, " / c", "no_row")]


def test_two_notes_may_share_a_file_which_is_read_once(load: Load) -> None:
    written(HEADER + "1,,Ana,one,yes\n1,,Bo,two,no\n")
    each = "each: {file: c.csv, key: Ticket}, body: Text"
    notes = f"  notes: [{{{each}, when: \"Who == 'Bo'\"}}, {{{each}, when: \"Who != 'Bo'\"}}]\n"
    with opened(load(CASE + notes)) as here:
        assert len(here.companions.files) == 1
        assert texts(here.mapped("1")[0]) == ["two", "one"]


def test_an_author_is_looked_up_in_a_third_file(load: Load) -> None:
    written(HEADER + "1,,7,one,\n1,,8,two,\n")
    Path("who.csv").write_text("id,name\n7,Ana\n", "utf-8")
    title = "{lookup: {file: who.csv, key: id, by: Who, value: name, none: empty}}"
    with opened(
        load(CASE + f"  notes: [{{each: {{file: c.csv, key: Ticket}}, title: {title}, body: Text}}]\n")
    ) as here:
        (found,) = here.mapped("1")
    sent = orjson.loads(found.body or b"")["notes"]
    assert [note.get("note_title") for note in sent] == ["Ana", None]


@pytest.mark.parametrize(
    ("encoding", "options"),
    [("utf-8-sig", ""), ("utf-16", ""), ("cp1252", ", encoding: cp1252"), ("utf-8", ", delimiter: ','")],
)
def test_files_in_other_encodings(load: Load, encoding: str, options: str) -> None:
    written(HEADER + '1,,Zoë,"Café, ""so""\nmuch",yes\n', encoding)
    with opened(load(CASE + NOTE % options)) as here:
        assert texts(here.mapped("1")[0]) == ['Café, "so"\nmuch']


def test_halves_of_characters_are_an_error_of_the_row_and_no_traceback(load: Load) -> None:
    """Only a DataFrame or a workbook can hold them; the ledger must keep them too."""
    written(HEADER + "1,,,one,\n")
    with opened(load(CASE + NOTE % "")) as here:
        (found,) = here.mapped("1\ud800")
    assert [error.code for error in found.errors] == ["bad_text"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"ticket,At,Who,Text,Shown\n1,,,x,\n", "did you mean 'ticket'?"),
        (b"Ticket,Ticket,Who,Text,Shown\n1,,,x,\n", "c.csv has 2 columns named 'Ticket'"),
        (HEADER.encode() + b"1,,,caf\xe9,\n", "is not UTF-8"),
        (HEADER.encode() + b'1,,,"never closed,\n', "never closed"),
        (b"\x00" * 5000, "c.csv"),
        (b"<html><body>Log in</body></html>", "web page"),
    ],
)
def test_a_file_that_cannot_be_read_ends_the_run_with_its_name(load: Load, content: bytes, what: str) -> None:
    Path("c.csv").write_bytes(content)
    with pytest.raises(CaseImporterError) as caught, opened(load(CASE + NOTE % "")):
        pass
    assert what in str(caught.value)
    assert "c.csv" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_with_a_header_and_no_rows_has_no_notes(load: Load) -> None:
    written(HEADER)
    with opened(load(CASE + NOTE % "")) as here:
        assert texts(here.mapped("1")[0]) == []
        file, orphans = here.finish()
        assert (file.rows, file.rows_without, orphans) == (0, 1, [])


def test_a_missing_file_is_named_with_the_hint(load: Load) -> None:
    message = r"c\.csv: companion file with notes not found\n.*--notes FILE.*m\.yml:6:"
    with pytest.raises(SourceError, match=message), opened(load(CASE + NOTE % "")):
        pass


def test_without_its_files_a_mapping_leaves_their_notes_out(load: Load) -> None:
    mapper = load(CASE + NOTE % "").bind(COLUMNS)
    assert texts(mapper.apply(Row(2, ("1", "T", "D")))) == []


KEYS = st.sampled_from(["1", "2", " 2", "3", "é", "E\u0301", "0", "1.0", ""])
NOTES = st.lists(st.tuples(KEYS, st.integers(-3, 3)), max_size=40)


@given(rows=st.lists(KEYS, max_size=10), entries=NOTES)
@pytest.mark.slow
def test_the_join_is_that_of_a_dictionary(load: Load, rows: list[str], entries: list[tuple[str, int]]) -> None:
    """Joined, sorted and counted once more, in the plainest way."""
    written(HEADER + "".join(f"{key},{at},,{number},\n" for number, (key, at) in enumerate(entries)))
    wanted: dict[str, list[tuple[int, int]]] = {}
    for number, (key, at) in enumerate(entries):
        wanted.setdefault(key.strip(), []).append((at, number))
    with opened(load(CASE + NOTE % ", order: {column: At, type: integer}")) as here:
        results = here.mapped(*rows)
        for key, found in zip(rows, results, strict=True):
            if key.strip():
                assert texts(found) == [str(number) for _, number in sorted(wanted.get(key.strip(), []))]
        keys = {key.strip() for key in rows} - {""}
        lost = [number for number, (key, _) in enumerate(entries) if key.strip() not in keys]
        file, orphans = here.finish()
        assert [int(orphan.cells[3]) for orphan in orphans] == lost
        assert file.rows_without == sum(not wanted.get(key.strip()) or not key.strip() for key in rows)


_CHILD = """
import resource, sys
from pathlib import Path
from importer.mapping import load_mapping
from importer.intake.companions import open_companions
from importer.ledger import Ledger
mapping = load_mapping("m.yml")
with Ledger(Path("l.db"), verb="check") as ledger, open_companions(ledger, mapping, Path()) as companions:
    mapping.bind(("ID", "T", "D"), companions.tables)
    companions.load(lambda: None)
    print(companions.files[0].info.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _memory(load: Load, count: int) -> int:
    load(CASE + NOTE % "")
    with Path("c.csv").open("w", encoding="utf-8") as file:
        file.write(HEADER)
        file.writelines(f"{number},2024-01-01,Ana,{'text ' * 40}{number},\n" for number in range(count))
    done = subprocess.run([sys.executable, "-c", _CHILD], capture_output=True, text=True, timeout=100, check=True)
    read, peak = map(int, done.stdout.split())
    assert read == count
    return peak * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(load: Load) -> None:
    """Eight times the notes, 22 MB more of them: what is kept of all is a bit each."""
    small, large = _memory(load, 15_000), _memory(load, 120_000)
    assert large - small < 12 * 1024 * 1024
