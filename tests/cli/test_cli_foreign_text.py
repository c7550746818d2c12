"""Nothing that others wrote is obeyed by a terminal: names of files, headers, cells, words of the command line."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from program import Program
from tickets import HEADER, Ticket, read_csv, write_tickets

pytestmark = pytest.mark.slow

#: What a terminal obeys, and what turns or breaks a line; the line feed is ours.
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
#: What our own colours look like.
COLOUR = re.compile(r"\x1b\[(?:0|1|3[0-7])m")
TITLE = "\x1b]0;pwned\x07"
LINE = "error: all rows created.csv"
NAME = f"x\n{LINE}"
HOSTILE = [
    Ticket(f"{TITLE}A1", "turned \u202e and \x9b31m", "deleted \x7f"),
    Ticket("k\nerror: all is lost", "", mail="no\u2028body"),
]


@pytest.fixture
def hostile(local: Program) -> Program:
    """A file with a line of its own in its name, whose cells and header are no better."""
    rows = [(*row, "x") for row in HOSTILE]
    write_tickets(local.folder / NAME, rows, header=(*HEADER, f"{TITLE}h\nerror: header"))
    return local


def lines_of(text: str) -> list[str]:
    """The lines of an output in which no character is obeyed."""
    assert OBEYED.findall(text) == []
    return text.split("\n")


@pytest.mark.parametrize(
    "command", [["check"], ["check", "--columns"], ["check", "-q"], ["run"], ["run", "-q"], ["preview"], ["rehearse"]]
)
def test_a_file_name_begins_no_line(hostile: Program, command: list[str]) -> None:
    verb, *flags = command
    ended = hostile(verb, NAME, "-m", "m.yml", *flags)
    assert ended.code in (0, 3)
    lines = lines_of(ended.out + ended.err)
    assert [line for line in lines if line.startswith(("error:", LINE))] == []


@pytest.mark.parametrize(
    "name",
    [NAME, f"{TITLE}.csv", "\u202e.csv", "\x9b.csv", "x" * 200 + "\r.csv"],
    ids=["line end", "title", "bidi", "C1", "long"],
)
def test_an_error_has_its_lines_and_no_other(local: Program, name: str) -> None:
    for words in (["check", name, "-m", "m.yml"], ["check", "m.yml", "-m", name], ["status", "--ledger", name], [name]):
        ended = local(*words)
        assert ended.code != 0
        first, *others = lines_of(ended.err.removesuffix("\n"))
        assert first.startswith("error: ")
        assert [line[:8] for line in others] in ([], ["  hint: "])


def test_a_person_at_a_terminal_sees_our_colours_alone(hostile: Program) -> None:
    for verb in ("check", "preview", "run"):
        shown = hostile.watched(verb, NAME, "-m", "m.yml").out
        assert COLOUR.search(shown)
        lines = lines_of(COLOUR.sub("", shown).replace("\r", "").replace("\x1b[A", ""))  # of the bars
        assert LINE not in lines


def test_the_next_command_can_be_pasted(hostile: Program) -> None:
    out = hostile("check", NAME, "-m", "m.yml").out
    (command,) = [line.strip() for line in out.split("\n") if line.startswith("     case-importer")]
    words = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True, timeout=30)
    assert words.stdout.decode().split("\0")[:3] == ["case-importer", "check", NAME]


def test_json_is_the_same_text_in_characters_that_nobody_obeys(hostile: Program) -> None:
    preview = hostile("preview", NAME, "-m", "m.yml", "--json").out
    first = json.loads(lines_of(preview)[0])
    assert (first["key"], first["body"]["title"]) == (f"{TITLE}A1", "turned \u202e and \x9b31m")
    page = hostile("preview", NAME, "-m", "m.yml").out
    lines_of(page)
    assert '"title": "turned \\u202e and \\u009b31m"' in page
    assert '"description": "deleted \\u007f"' in page
    check = hostile("check", NAME, "-m", "m.yml", "--json").out
    lines_of(check)
    assert json.loads(check)["source"] == NAME


def test_keys_of_preview_stay_in_their_line(hostile: Program) -> None:
    titles = [line for line in hostile("preview", NAME, "-m", "m.yml").out.split("\n") if line.startswith("row ")]
    assert titles == ["row 3 · key ]0;pwned A1", "row 4 · key k error: all is lost · invalid"]


@pytest.mark.parametrize("columns", [("Subjekt",), ("Subject",)])
def test_a_header_is_cut(local: Program, columns: tuple[str, ...]) -> None:
    write_tickets(
        local.folder / "t.csv", [("1", "", "b", "m", "x", "y")], header=("Id", *columns, "Body", "Mail", "H" * 8000, "")
    )
    for words in (["check", "--columns"], ["run"], ["preview"]):
        ended = local(words[0], "t.csv", "-m", "m.yml", *words[1:])
        assert ended.code in (0, 2, 3)
        assert max(map(len, lines_of(ended.out + ended.err))) < 400


def test_a_mapping_drafted_on_a_terminal_is_safe_and_reads_back(hostile: Program) -> None:
    draft = hostile("suggest", NAME).out
    lines_of(draft)
    (hostile.folder / "draft.yml").write_text(draft, encoding="utf-8")
    assert hostile("check", NAME, "-m", "draft.yml").code in (0, 3)


def test_the_reports_keep_what_was_there(hostile: Program) -> None:
    """To the character in failures.csv, which is read again; what a person may print has nothing that is obeyed."""
    hostile("run", NAME, "-m", "m.yml", "--out", "out", "--log-file", "run.log")
    assert [row["key"] for row in read_csv(hostile.folder / "out/results.csv")] == [" ]0;pwned A1", HOSTILE[1].id]
    assert "no\u2028body" in read_csv(hostile.folder / "out/failures.csv")[0].values()
    for path in ("out/results.csv", "out/id_map.csv", "out/summary.json", "run.log"):
        lines_of((hostile.folder / path).read_text(encoding="utf-8"))
    summary = json.loads((hostile.folder / "out/summary.json").read_text(encoding="utf-8"))
    assert summary["source"] == NAME
    assert "no\u2028body" in [cause["example"] for cause in summary["causes"]]
