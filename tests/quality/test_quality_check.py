"""What a check finds out about an export through its mapping."""

from __future__ import annotations

import gzip
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from ended import Ended
from program import Program

from importer import check
from importer.checks.autofix import Fix, nearest_word, write_suggestions
from importer.checks.baseline import load_baseline
from importer.checks.findings import Findings
from importer.checks.mapping_checks import key_as_seen
from importer.errors import ChangedShapeError, ConfigError, ExitCode, MappingError, SourceError
from importer.profile.profile import VALUES_MAX
from importer.verbs.check import CheckResult

MAPPING = """\
version: 1
source: {key: Id}
external_id_field: text1
case:
  title: Subject   # the subject
  description: Body
  priority:
    column: Priority
    values:
      Low: LOW
      High: HIGH   # keep me
      Asap: URGENT
"""
HEADER = "Id,Subject,Body,Priority,Extra\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


def checked(rows: str, **options: Any) -> CheckResult:
    Path("t.csv").write_text(HEADER + rows, encoding="utf-8")
    return check("t.csv", options.pop("mapping", "m.yml"), **options)


def command(*arguments: object) -> Ended:
    return Program(Path.cwd()).in_sandbox()(*arguments)


def ten_rows(priority: str = "Low") -> str:
    return "".join(f"{number},S,B,{priority},\n" for number in range(10))


@pytest.mark.usefixtures("folder")
class TestGroups:
    def test_errors_are_grouped_by_code_and_column_with_their_first_rows(self) -> None:
        rows = "".join(f"{number},S,B,ASAP,\n" for number in range(7)) + f"8,{'x' * 151},,Low,\n"
        groups = {(group.code, group.column): group for group in checked(rows).causes}
        assert set(groups) == {("unknown_value", "Priority"), ("too_long", "Subject"), ("missing", "Body")}
        unknown = groups["unknown_value", "Priority"]
        assert (unknown.rows, unknown.first_rows, unknown.target) == (7, (2, 3, 4, 5, 6), "priority")

    def test_rows_that_are_skipped_are_a_group_too(self) -> None:
        (group,) = checked("1,S,B,Low,\n1,S,B,Low,\n1,S,B,Low,\n").causes
        assert (group.state, group.code, group.rows, group.first_rows) == ("skipped", "duplicate_key", 2, (3, 4))

    def test_keys_that_are_cases_already_are_counted(self, folder: Path) -> None:
        Path("t.csv").write_text(HEADER + "1,S,B,Low,\n", encoding="utf-8")
        assert command("run", "t.csv", "-m", "m.yml", "--out", "out", "-q").code == 0
        result = checked("1,S,B,Low,\n2,S,B,Low,\n", ledger="out/ledger.db")
        assert [(cause.code, cause.first_rows) for cause in result.causes] == [("already_created", (2,))]
        assert result.exit_code is ExitCode.OK


@pytest.mark.usefixtures("folder")
class TestSuggestions:
    def test_all_unknown_words_of_a_column_with_counts_and_the_nearest(self) -> None:
        (found,) = checked("1,S,B,ASAP,\n2,S,B,hihg,\n3,S,B,ASAP,\n4,S,B,Blocker,\n").suggestions
        assert found.lines == (
            "values:",
            "  ASAP: URGENT  # 2 rows; similar to 'Asap'",
            "  hihg: HIGH  # 1 row; similar to 'High'",
            "  # Blocker: …  # 1 row; choose one of: LOW, HIGH, URGENT, NORMAL",
        )
        assert found.where == "m.yml:7:3"

    def test_a_field_of_few_words_gets_a_table_that_keeps_those_that_fit(self) -> None:
        Path("m.yml").write_text(MAPPING.partition("  priority:")[0] + "  priority: Priority\n", encoding="utf-8")
        (found,) = checked("1,S,B,LOW,\n2,S,B,low,\n").suggestions
        assert found.lines == (
            "priority:",
            "  column: Priority",
            "  values:",
            "    LOW: LOW",
            "    low: LOW  # 1 row; similar to 'LOW'",
        )

    def test_a_long_text_and_a_missing_one_have_a_line_each(self) -> None:
        found = checked(f"1,{'x' * 151},B,Low,\n2,,B,Low,\n").suggestions
        assert {suggestion.lines[:2] for suggestion in found} == {("title:", "  column: Subject")}
        assert {suggestion.lines[2].split(":")[0].strip() for suggestion in found} == {"overflow", "default"}

    def test_the_form_of_dates_comes_from_the_rows_that_force_it(self) -> None:
        mapping = MAPPING + '  custom_fields:\n    date1: {column: Extra, type: date, format: "%m/%d/%Y"}\n'
        Path("m.yml").write_text(mapping, encoding="utf-8")
        (found,) = checked("1,S,B,Low,01/02/2024\n2,S,B,Low,25/12/2023\n").suggestions
        assert found.lines == ("format: '%d/%m/%Y'   # matches the dates in this column",)

    def test_no_form_is_offered_that_does_not_read_the_dates(self) -> None:
        mapping = MAPPING + "  custom_fields:\n    date1: {column: Extra, type: date, format: '%m/%d/%Y'}\n"
        Path("m.yml").write_text(mapping, encoding="utf-8")
        found = checked("1,S,B,Low,3.4.2024 gegen 10\n2,S,B,Low,25.12.2023 gegen 11\n")
        assert [cause.code for cause in found.causes] == ["not_a_date"]
        assert found.suggestions == ()
        found = checked("1,S,B,Low,3.4.2024 um 10:00\n2,S,B,Low,25.12.2023 um 11:00\n")
        assert "format: '%d.%m.%Y um %H:%M'" in found.suggestions[0].lines[0]

    @pytest.mark.parametrize(
        ("form", "forced", "ambiguous"),
        [
            ("'%d/%m/%Y'", [], []),
            ("'%m/%d/%Y'", ["day_first_dates"], []),
            ("[iso, '%a %d/%m/%Y', '%d/%m/%y']", [], []),
            ("['%d/%m/%Y', '%m/%d/%Y']", ["day_first_dates"], ["ambiguous_dates"]),
            ("'%Y-%m-%d'", ["day_first_dates"], ["ambiguous_dates"]),
            ("iso", ["day_first_dates"], ["ambiguous_dates"]),
        ],
    )
    def test_who_says_in_the_mapping_what_comes_first_is_not_asked_again(
        self, form: str, forced: list[str], ambiguous: list[str]
    ) -> None:
        mapping = MAPPING + f"  custom_fields:\n    date1: {{column: Extra, type: date, format: {form}}}\n"
        Path("m.yml").write_text(mapping, encoding="utf-8")
        rows = "1,S,B,Low,01/02/2024\n2,S,B,Low,{}/12/2023\n"
        assert [issue.kind for issue in checked(rows.format(25)).file_issues] == forced
        assert [issue.kind for issue in checked(rows.format(11)).file_issues] == ambiguous

    def test_nor_is_who_says_it_of_the_notes_of_a_second_file(self) -> None:
        Path("notes.csv").write_text("Id,Day,Text\n1,01/02/2024,N\n1,02/02/2024,M\n", encoding="utf-8")
        note = "  notes:\n    - each: {file: notes.csv, key: Id, order: {column: Day, type: date, format: FORM}}\n"
        for form, kinds in (("'%d/%m/%Y'", []), ("iso", ["ambiguous_dates"])):
            mapping = MAPPING + note.replace("FORM", form) + "      body: Text\n"
            Path("m.yml").write_text(mapping, encoding="utf-8")
            (use,) = checked("1,S,B,Low,\n").note_files
            assert [issue.kind for issue in use.file_issues] == kinds


@pytest.mark.parametrize(
    ("word", "near"),
    [("asap", "Asap"), ("A.S.A.P.", "Asap"), ("in progess", "In Progress"), ("Größe", "Grosse"), ("Blocker", None)],
)
def test_the_nearest_word(word: str, near: str | None) -> None:
    assert nearest_word(word, ["Low", "Asap", "In Progress", "Grosse"]) == near


@pytest.mark.usefixtures("folder")
class TestCoverage:
    def test_words_against_the_table_and_lines_never_hit(self) -> None:
        (use,) = checked("1,S,B,Low,\n2,S,B, Low ,\n3,S,B,Odd,\n4,S,B,,\n").tables
        assert (use.words, use.unknown, use.never_hit) == ({"Low": 2, "Odd": 1}, {"Odd": 1}, ("High", "Asap"))

    def test_a_policy_that_keeps_unknown_words_still_shows_them(self) -> None:
        Path("m.yml").write_text(MAPPING + "    unknown: default\n    default: LOW\n", encoding="utf-8")
        found = checked("1,S,B,Odd,\n")
        assert (found.tables[0].unknown, found.tables[0].policy, found.suggestions) == ({"Odd": 1}, "default", ())

    def test_columns_used_and_not_used(self) -> None:
        columns = {use.column: use for use in checked("1,S,B,Low,x\n2,S,C,Low,\n").columns}
        assert [name for name, use in columns.items() if not use.used] == ["Extra"]
        assert (columns["Extra"].filled, columns["Body"].distinct, columns["Subject"].distinct) == (1, 2, 1)

    def test_counting_is_bounded_and_says_so(self) -> None:
        rows = "".join(f"{number},S,B,W{number},\n" for number in range(VALUES_MAX + 5))
        found = checked(rows)
        assert (len(found.tables[0].words), found.tables[0].capped) == (VALUES_MAX, True)
        assert (found.columns[0].distinct, found.columns[0].capped) == (VALUES_MAX, True)

    def test_the_longest_text_is_measured_as_it_would_be_sent(self) -> None:
        title, body = checked(f"1,  {'x' * 150}  ,B,Low,\n2,{'y' * 152},Bo,Low,\n").lengths
        assert (title.longest, title.row, title.over, title.cuts) == (152, 3, 1, False)
        assert (body.longest, body.limit, body.over) == (2, 2000, 0)

    def test_texts_that_the_mapping_cuts_are_counted(self) -> None:
        mapping = MAPPING.replace("title: Subject", "title: {column: Subject, overflow: truncate}")
        Path("m.yml").write_text(mapping, encoding="utf-8")
        assert [(use.over, use.cuts) for use in checked(f"1,{'x' * 151},B,Low,\n").lengths] == [
            (1, True),
            (0, False),
        ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("ABC-1", "abc-1"), ("a b", "ab"), ("7", "007"), ("7", "7.0"), ("é", "e\u0301"), ("ＡＢ", "ab")],
)
def test_keys_that_look_the_same(one: str, other: str) -> None:
    assert key_as_seen(one) == key_as_seen(other)


@pytest.mark.parametrize(("one", "other"), [("7", "70"), ("7.5", "7"), ("a-1", "a1"), ("0", "00a")])
def test_keys_that_do_not(one: str, other: str) -> None:
    assert key_as_seen(one) != key_as_seen(other)


@pytest.mark.usefixtures("folder")
def test_similar_keys_are_found_in_the_whole_file_and_against_the_ledger() -> None:
    Path("t.csv").write_text(HEADER + "A-1,S,B,Low,\n", encoding="utf-8")
    assert command("run", "t.csv", "-m", "m.yml", "--out", "out", "-q").code == 0
    found = checked("7,S,B,Low,\n007,S,B,Low,\n8,S,B,Low,\na-1,S,B,Low,\n", ledger="out/ledger.db")
    assert found.similar_keys_count == 2
    assert [(keys.first, keys.second) for keys in found.similar_keys] == [
        ((2, "A-1"), (5, "a-1")),
        ((2, "7"), (3, "007")),
    ]


@pytest.mark.usefixtures("folder")
def test_the_first_rows_are_shown_before_the_rest_is_read() -> None:
    seen: list[Findings] = []
    rows = "".join(f"{number},S,B,{'Odd' if number == 3 else 'Low'},\n" for number in range(5_000))
    result = checked(rows, first=seen.append)
    assert [(found.rows, found.causes[0].first_rows) for found in seen] == [(2_000, (5,))]
    assert result.rows == 5_000


@pytest.mark.usefixtures("folder")
def test_the_first_rows_show_nothing_if_a_later_one_may_take_their_place() -> None:
    Path("m.yml").write_text(Path("m.yml").read_text("utf-8").replace("{key: Id", "{key: Id, keep: last"), "utf-8")
    seen: list[Findings] = []
    result = checked("1,S,B,Odd,\n1,S,B,Low,\n", first=seen.append)
    assert (seen, result.exit_code) == ([], ExitCode.OK)


@pytest.mark.usefixtures("folder")
class TestFix:
    def fixed(self, rows: str, mapping: str = "m.yml") -> Fix:
        found = checked(rows, mapping=mapping)
        return write_suggestions(mapping, found.suggestions, export=Path("t.csv"))

    def test_the_mapping_passes_afterwards_and_keeps_its_comments(self) -> None:
        fix = self.fixed("1,S,B,ASAP,\n")
        text = Path("m.yml").read_text(encoding="utf-8")
        line = "      ASAP: URGENT  # 1 row; similar to 'Asap'\n"
        assert text == MAPPING.replace("    values:\n", f"    values:\n{line}")
        assert "+      ASAP: URGENT" in fix.diff
        assert fix.backup is not None
        assert fix.backup.read_text(encoding="utf-8") == MAPPING
        assert checked("1,S,B,ASAP,\n").exit_code is ExitCode.OK

    def test_a_word_without_a_near_one_is_left_to_a_person(self) -> None:
        fix = self.fixed("1,S,B,Blocker,\n")
        lines = Path("m.yml").read_text(encoding="utf-8").splitlines()
        assert (fix.open, fix.lines) == (1, (lines.index("    values:") + 2,))
        assert checked("1,S,B,Blocker,\n").exit_code is ExitCode.ROWS_FAILED
        place = fix.lines[0] - 1
        lines[place] = lines[place].replace("# Blocker: …", "Blocker: URGENT")
        Path("m.yml").write_text("\n".join(lines), encoding="utf-8")
        assert checked("1,S,B,Blocker,\n").exit_code is ExitCode.OK

    def test_an_earlier_backup_is_never_lost(self) -> None:
        first, second = self.fixed("1,S,B,ASAP,\n"), self.fixed("1,S,B,hgh,\n")
        assert (first.backup, second.backup) == (Path("m.yml.bak"), Path("m.yml.bak2"))
        assert Path("m.yml.bak").read_text(encoding="utf-8") == MAPPING

    def test_a_mark_and_the_line_ends_of_windows_stay(self) -> None:
        Path("m.yml").write_bytes(b"\xef\xbb\xbf" + MAPPING.replace("\n", "\r\n").encode())
        self.fixed("1,S,B,ASAP,\n")
        content = Path("m.yml").read_bytes()
        assert content.startswith(b"\xef\xbb\xbfversion")
        assert content.count(b"\n") == content.count(b"\r\n")

    def test_a_link_stays_a_link(self) -> None:
        Path("m.yml").rename("real.yml")
        Path("m.yml").symlink_to("real.yml")
        self.fixed("1,S,B,ASAP,\n")
        assert Path("m.yml").is_symlink()
        assert "ASAP: URGENT" in Path("real.yml").read_text(encoding="utf-8")

    def test_a_mapping_that_changed_meanwhile_is_left_alone(self) -> None:
        found = checked("1,S,B,ASAP,\n")
        Path("m.yml").write_text("case: []\n", encoding="utf-8")
        with pytest.raises(MappingError, match="has changed"):
            write_suggestions("m.yml", found.suggestions, export=Path("t.csv"))
        assert Path("m.yml").read_text(encoding="utf-8") == "case: []\n"

    def test_without_anything_to_write_nothing_is_touched(self) -> None:
        assert self.fixed("1,S,B,Low,\n") == Fix(None, None, "", 0)
        assert sorted(path.name for path in Path().iterdir()) == ["m.yml", "t.csv"]

    def test_a_ready_mapping_is_copied_next_to_the_export(self, folder: Path) -> None:
        from importer.files.bundled import bundled

        ready = bundled("mappings") / "zendesk.yml"
        before = ready.read_bytes()
        sample = (bundled("sample_data") / "zendesk-tickets.csv").read_bytes()
        Path("z.csv").write_bytes(sample.replace(b",Urgent,", b",Urgentt,"))
        found = check("z.csv", "zendesk")
        fix = write_suggestions("zendesk", found.suggestions, export=folder / "z.csv")
        assert (fix.path, fix.backup) == (folder / "zendesk.yml", None)
        assert "Urgentt: URGENT" in (folder / "zendesk.yml").read_text(encoding="utf-8")
        assert ready.read_bytes() == before
        with pytest.raises(ConfigError, match="there is a mapping of this name"):
            write_suggestions("zendesk", found.suggestions, export=folder / "z.csv")


def changed(printed: str, path: tuple[str | int, ...], value: Any) -> bytes:
    content = place = json.loads(printed)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(content).encode()


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the command printed the last time."""
    folder = tmp_path_factory.mktemp("last")
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    (folder / "t.csv").write_text(HEADER + ten_rows(), encoding="utf-8")
    return Program(folder)("check", "t.csv", "-m", "m.yml", "--json").out


#: A path into the output of `check --json`, and what takes the place of what is there.
NOT_OURS: list[tuple[tuple[str | int, ...], Any]] = [
    (("totals", "read"), "1"),
    (("totals", "read"), -1),
    (("totals", "read"), 1e308),
    (("totals",), None),
    (("columns",), "Id"),
    (("columns", 0), {}),
    (("columns", 0, "column"), 5),
    (("columns", 0, "column"), None),
    (("columns", 0, "column"), ["Id"]),
    (("tables", 0, "words"), "Low"),
    (("tables", 0, "columns"), [1]),
]
NO_JSON = (b"", b"Id,Subject", b"null", b"[]", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe{\0}\0", b'{"rows": NaN}')


class TestBaseline:
    def kinds(self, rows: str, **options: Any) -> list[str]:
        return [change.kind for change in checked(rows, baseline="last.json", **options).changes]

    @pytest.fixture(autouse=True)
    def last(self, folder: Path, printed: str) -> None:
        Path("t.csv").write_text(HEADER + ten_rows(), encoding="utf-8")
        Path("last.json").write_text(printed, encoding="utf-8")

    def test_what_is_no_baseline_is_refused_in_one_sentence(self, printed: str) -> None:
        for content in [*NO_JSON, *(changed(printed, *change) for change in NOT_OURS)]:
            Path("last.json").write_bytes(content)
            with pytest.raises(ConfigError, match="the file is not the output of check --json"):
                load_baseline(Path("last.json"))
        with Path("last.json").open("wb") as file:
            file.truncate(1 << 40)  # no disk holds it, and no memory
        ended = command("check", "t.csv", "-m", "m.yml", "--baseline", "last.json")
        assert (ended.code, ended.err.count("\n")) == (2, 2), ended.err

    def test_the_same_file_is_no_change(self) -> None:
        result = checked(ten_rows(), baseline="last.json")
        assert (result.changes, result.exit_code) == ((), ExitCode.OK)

    def test_a_new_word_that_the_table_lists_is_no_change(self) -> None:
        assert self.kinds(ten_rows("High")) == []

    def test_a_new_word_that_no_table_lists_is_one(self) -> None:
        result = checked(ten_rows("Odd"), baseline="last.json")
        assert [(change.kind, change.names) for change in result.changes] == [("new_value", ("Odd",))]
        assert result.exit_code is ExitCode.CHANGED_SHAPE

    def test_what_differs_is_to_be_looked_at_and_not_to_be_fixed(self) -> None:
        Path("t.csv").write_text(HEADER + ten_rows("Odd"), encoding="utf-8")
        ended = command("check", "t.csv", "-m", "m.yml", "--baseline", "last.json")
        assert ended.code == ExitCode.CHANGED_SHAPE
        assert "Look at what changed. If it is meant, import the file:\n     case-importer run t.csv" in ended.out
        quiet = command("check", "t.csv", "-m", "m.yml", "--baseline", "last.json", "--quiet")
        assert "--baseline last.json" in quiet.err

    @pytest.mark.parametrize(("rows", "factor", "jumps"), [(20, 2, 0), (21, 2, 1), (5, 2, 0), (4, 2, 1), (21, 3, 0)])
    def test_a_jump_of_the_volume(self, rows: int, factor: float, jumps: int) -> None:
        text = "".join(f"{number},S,B,Low,\n" for number in range(rows))
        assert self.kinds(text, volume_factor=factor) == ["volume"] * jumps

    def test_new_and_lost_columns(self) -> None:
        Path("t.csv").write_text("Id,Subject,Body,Priority,Other\n" + ten_rows(), encoding="utf-8")
        result = check("t.csv", "m.yml", baseline="last.json")
        assert [(change.kind, change.names) for change in result.changes] == [
            ("new_column", ("Other",)),
            ("lost_column", ("Extra",)),
        ]

    def test_a_file_without_rows_is_the_change_that_matters(self) -> None:
        assert self.kinds("") == ["empty"]

    def test_a_file_without_a_byte_ends_with_the_same_code(self) -> None:
        Path("t.csv").write_bytes(b"")
        with pytest.raises(ChangedShapeError, match="the baseline has 10 rows"):
            check("t.csv", "m.yml", baseline="last.json")
        ended = command("check", "t.csv", "-m", "m.yml", "--baseline", "last.json")
        assert (ended.code, ended.out) == (12, "")

    @pytest.mark.parametrize("header", ["Id,Subject,Bodies,Priority,Extra\n", "Id,Subject,Text,Priority,Extra\n"])
    def test_a_mapped_column_that_is_gone_ends_with_the_same_code(self, header: str) -> None:
        Path("t.csv").write_text(header + ten_rows(), encoding="utf-8")
        with pytest.raises(ChangedShapeError, match="columns required by the mapping are missing: 'Body'") as caught:
            check("t.csv", "m.yml", baseline="last.json")
        assert ("renamed to 'Bodies'?" in caught.value.what) is ("Bodies" in header)
        assert ("new columns: 'Text'" in caught.value.hint) is ("Text" in header)
        assert caught.value.exit_code is ExitCode.CHANGED_SHAPE
        with pytest.raises(MappingError, match="has no column 'Body'"):
            check("t.csv", "m.yml")

    def test_a_column_that_the_baseline_did_not_have_either_is_an_error_of_the_mapping(self) -> None:
        Path("new.yml").write_text(MAPPING.replace("Subject ", "Title "), encoding="utf-8")
        with pytest.raises(MappingError, match="has no column 'Title'"):
            checked(ten_rows(), mapping="new.yml", baseline="last.json")

    @pytest.mark.parametrize("content", [b"\n\n", b"\xef\xbb\xbf", gzip.compress(b"")], ids=["lines", "mark", "gzip"])
    def test_so_does_a_file_in_which_nothing_is(self, content: bytes) -> None:
        Path("t.csv").write_bytes(content)
        with pytest.raises(ChangedShapeError, match="the baseline has 10 rows"):
            check("t.csv", "m.yml", baseline="last.json")

    def test_so_does_an_empty_sheet(self) -> None:
        with xlsxwriter.Workbook("t.xlsx") as workbook:
            workbook.add_worksheet("Export")
        with pytest.raises(ChangedShapeError, match="the sheet is empty"):
            check("t.xlsx", "m.yml", baseline="last.json")

    def test_a_file_that_cannot_be_read_for_another_reason_is_not_compared(self) -> None:
        Path("t.csv").write_bytes(b"<html><body>log in</body></html>")
        with pytest.raises(SourceError, match="web page"):
            check("t.csv", "m.yml", baseline="last.json")

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"totals": {"read": "x"}, "tables": []}', None])
    def test_what_is_no_baseline_is_refused(self, content: str | None) -> None:
        Path("last.json").unlink()
        if content is not None:
            Path("last.json").write_text(content, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"last\.json"):
            checked(ten_rows(), baseline="last.json")

    @pytest.mark.parametrize("field", ["type", "custom_fields.drop_down1", ""])
    def test_words_of_a_saved_profile_are_those_of_its_columns(self, field: str) -> None:
        """Whatever `suggest` called the field: a mapping may have been edited since."""
        words = {"Priority": ["Low"]}
        columns = [
            {"column": name, "field": field, "kind": "", "words": words.get(name, [])}
            for name in HEADER.strip().split(",")
        ]
        Path("last.json").write_text(json.dumps({"profile": 1, "rows": 10, "columns": columns}), encoding="utf-8")
        assert self.kinds(ten_rows()) == []
        assert self.kinds(ten_rows("Odd")) == ["new_value"]

    def test_the_command_ends_with_12_and_says_why(self) -> None:
        Path("t.csv").write_text(HEADER + ten_rows("Odd"), encoding="utf-8")
        ended = command("check", "t.csv", "-m", "m.yml", "--baseline", "last.json")
        assert ended.code == 12
        assert "new values in Priority → priority: 'Odd'" in ended.out


@pytest.mark.usefixtures("folder")
class TestPage:
    def test_the_page_says_what_to_write_where(self) -> None:
        Path("t.csv").write_text(HEADER + "1,S,B,ASAP,\n01,CafÃ©,B,Low,\n", encoding="utf-8")
        ended = command("check", "t.csv", "-m", "m.yml", "--columns")
        assert (ended.code, ended.err) == (3, "")
        for line in (
            "1  Priority → priority · unknown_value · row 2",
            "hint: add at m.yml:7:3 (case.priority), or use --fix:",
            "ASAP: URGENT  # 1 row; similar to 'Asap'",
            "Subject: text was decoded with the wrong encoding",
            "'1' in row 2 and '01' in row 3",
            "unused entries: High, Asap",
            "title: longest 5 characters (row 3), maximum 150",
            "Columns that the mapping does not read (of 2 rows)\n  Extra (0 filled)\n",
        ):
            assert line in ended.out
        fixed = command("check", "t.csv", "-m", "m.yml", "--fix")
        assert "hint: add at m.yml:7:3 (case.priority):" in fixed.out
        assert "use --fix" not in fixed.out

    def test_a_last_ticket_with_broken_quotes_is_no_total(self) -> None:
        Path("t.csv").write_text(HEADER + '1,S,B,Low,\n"2","\\"S\\" is odd, here","B","Low",""\n', encoding="utf-8")
        shown = command("check", "t.csv", "-m", "m.yml").out
        assert "broken_quotes" in shown
        assert "look like totals" not in shown

    def test_keys_whose_difference_nobody_sees_are_written_out(self) -> None:
        Path("t.csv").write_text(
            HEADER + "é,S,B,Low,\ne\u0301,S,B,Low,\n日本,S,B,Low,\n日 本,S,B,Low,\n", encoding="utf-8"
        )
        text = command("check", "t.csv", "-m", "m.yml").out
        assert "'\\xe9' in row 2 and 'e\\u0301' in row 3" in text
        assert "'日本' in row 4 and '日 本' in row 5" in text

    def test_somebody_who_watches_sees_the_first_findings_at_once(self) -> None:
        Path("t.csv").write_text(HEADER + "1,S,B,ASAP,\n", encoding="utf-8")
        head, terminal = pty.openpty()
        options = {"stdout": subprocess.PIPE, "stderr": terminal, "encoding": "utf-8"}
        with subprocess.Popen([sys.executable, "-m", "importer", "check", "t.csv", "-m", "m.yml"], **options) as check:
            shown = b""
            while b"row 2" not in shown:  # a terminal that is closed before ends the test with an error
                shown += os.read(head, 65536)
            assert check.communicate()[0].startswith("t.csv, mapping m.yml")
        os.close(terminal)
        os.close(head)
        assert "First 1 row: problems:\r\n  1 row · Priority → priority · unknown_value · row 2" in shown.decode()

    def test_fix_shows_the_difference(self) -> None:
        Path("t.csv").write_text(HEADER + "1,S,B,ASAP,\n", encoding="utf-8")
        ended = command("check", "t.csv", "-m", "m.yml", "--fix")
        assert ended.code == 3
        assert "\n+      ASAP: URGENT  # 1 row; similar to 'Asap'\n" in ended.out
        assert "Wrote m.yml; backup: m.yml.bak" in ended.out

    def test_json_has_all_of_it(self) -> None:
        Path("t.csv").write_text(HEADER + "1,S,B,ASAP,x\n2,Caf\ufffd,B,Low,x\n", encoding="utf-8")
        shape = json.loads(command("check", "t.csv", "-m", "m.yml", "--json", "--fix").out)
        assert [cause["code"] for cause in shape["causes"]] == ["unknown_value"]
        assert [issue["kind"] for issue in shape["file_issues"]] == ["replacement_character"]
        assert shape["suggestions"][0]["entries"][0]["value"] == "URGENT"
        assert shape["tables"][0]["never_hit"] == ["High", "Asap"]
        assert {use["target"] for use in shape["lengths"]} == {"title", "description"}
        assert shape["fix"]["path"] == "m.yml"

    def test_what_a_cell_holds_cannot_steer_the_terminal(self) -> None:
        Path("t.csv").write_text(HEADER + "1,S,B,\x1b[31mred,\n", encoding="utf-8")
        assert "\x1b" not in command("check", "t.csv", "-m", "m.yml").out
        assert "\x1b" not in command("check", "t.csv", "-m", "m.yml", "--fix").out

    def test_a_ledger_that_does_not_exist_is_a_mistake(self) -> None:
        Path("t.csv").write_text(HEADER + "1,S,B,Low,\n", encoding="utf-8")
        assert command("check", "t.csv", "-m", "m.yml", "--ledger", "nowhere.db").code == 2


@pytest.mark.usefixtures("folder")
class TestRowsLeftOut:
    CHOOSY = MAPPING.replace("{key: Id}", "{key: Id, only: \"Extra != 'spam'\", skip: \"Extra == 'test'\"}")

    def check_choosy(self, rows: str, **options: Any) -> CheckResult:
        Path("choosy.yml").write_text(self.CHOOSY, encoding="utf-8")
        return checked(rows, mapping="choosy.yml", **options)

    def test_each_condition_is_counted_and_the_rows_are_in_the_totals(self) -> None:
        result = self.check_choosy("1,S,B,Low,\n2,S,B,Low,spam\n3,S,B,Low,test\n4,S,B,Low,spam\n")
        assert [(use.condition.split()[0], use.rows) for use in result.filters] == [
            ("source.only", 2),
            ("source.skip", 1),
        ]
        assert (result.exit_code, result.totals.skipped) == (ExitCode.OK, 3)
        assert result.totals.match
        assert [(cause.code, cause.first_rows) for cause in result.causes] == [("filtered", (3, 4, 5))]

    @pytest.mark.parametrize(
        ("extra", "only", "skip"),
        [("spam", "every row", "no row"), ("test", "no row", "every row"), ("x", "no row", "no row")],
    )
    def test_a_condition_that_does_nothing_or_everything_is_warned_of(self, extra: str, only: str, skip: str) -> None:
        Path("choosy.yml").write_text(self.CHOOSY, encoding="utf-8")
        Path("t.csv").write_text(HEADER + f"1,S,B,Low,{extra}\n2,S,B,Low,{extra}\n", encoding="utf-8")
        lines = command("check", "t.csv", "-m", "choosy.yml").out.splitlines()
        first = lines.index("Filtered rows") + 1
        assert all(f"filters {what}" in line for what, line in zip((only, skip), lines[first:], strict=False))

    def test_a_condition_that_works_is_not_warned_of(self) -> None:
        found = self.check_choosy("1,S,B,Low,\n2,S,B,Low,spam\n3,S,B,Low,test\n")
        assert [use.warning(found.rows) for use in found.filters] == ["", ""]

    def test_words_of_rows_that_are_filtered_need_no_line_in_the_mapping(self) -> None:
        found = self.check_choosy("1,S,B,Low,\n2,S,B,Casino,spam\n3," + "x" * 200 + ",B,Low,test\n")
        assert (found.suggestions, found.tables[0].unknown, found.lengths[0].longest) == ((), {}, 1)

    def test_without_conditions_nothing_is_said(self) -> None:
        assert checked("1,S,B,Low,\n").filters == ()


@pytest.mark.parametrize(
    ("form", "cells", "kinds"),
    [
        ("epoch_ms", ("1709283845", "1709283846"), {"far_dates"}),
        ("epoch", ("99999999999", ""), {"far_dates"}),
        ("epoch", ("1709283845", "-1"), set()),
        ("epoch_ms", ("1709283845123", "0"), set()),
        ("[epoch_ms, epoch]", ("1709283845", "1709283846"), set()),
        ("epoch", ("x", ""), set()),
    ],
)
def test_counts_since_1970_in_another_unit_are_a_file_issue(
    folder: Path, form: str, cells: tuple[str, str], kinds: set[str]
) -> None:
    """All dates would be in January 1970."""
    text = f"{MAPPING}  custom_fields: {{date1: {{column: Extra, type: datetime, format: {form}}}}}\n"
    (folder / "m.yml").write_text(text, encoding="utf-8")
    result = checked("".join(f"{number},s,b,Low,{cell}\n" for number, cell in enumerate(cells)))
    found = [issue for issue in result.file_issues if issue.kind == "far_dates"]
    assert {issue.kind for issue in found} == kinds
    assert all((issue.column, issue.example) == ("Extra", cells[0]) for issue in found)
