"""Whatever a user can meet stands in the documents: each command, flag, state, exit code, setting and report column."""

from __future__ import annotations

import re

import click
import pytest
from documents import DOCUMENTS, PROJECT, blocks, prose, read, words_in_code

from importer.cli.commands import cli
from importer.errors import ExitCode
from importer.failures.columns import REASON_COLUMNS
from importer.ledger.verification import DOUBLE
from importer.models import CaseVerdict, State
from importer.report.tables import ID_MAP_COLUMNS, ORPHAN_COLUMNS, RESULT_COLUMNS, UPDATE_COLUMNS, VERIFIED_COLUMNS
from importer.settings.model import ENVIRONMENT_PREFIX, Settings

GUIDE = read("docs/operating.md")
PACKAGE_FILES = [*(PROJECT / "importer").rglob("*.py"), *(PROJECT / "importer").rglob("*.sql")]


def section(title: str, text: str = GUIDE) -> str:
    return re.split(r"^## ", text.partition(f"## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(table: str) -> list[str]:
    """The first cells of all table rows, bare."""
    return [found.strip("`") for found in re.findall(r"^\| *([^|]+?) *\|", table, re.MULTILINE)]


def flags_of(command: click.Command) -> set[str]:
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return {flag for option in options for flag in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_each_command_and_each_of_its_flags(name: str) -> None:
    text = section("Commands and flags")
    assert name in {cell.split()[0] for cell in first_cells(text)}
    assert flags_of(cli.commands[name]) - words_in_code(text) == set()


def test_no_flag_is_described_that_does_not_exist() -> None:
    known = set().union(*(flags_of(command) for command in cli.commands.values())) | {"--help", "-h", "--version"}
    for text in (section("Commands and flags"), read("README.md").partition("## The first real import")[2]):
        described = {word for word in words_in_code(text) if re.fullmatch(r"--?[a-z][a-z-]*", word)}
        assert described - known - {"-e"} == set()


def test_each_state() -> None:
    assert first_cells(section("States"))[2:] == [state.value for state in State]


@pytest.mark.parametrize("document", ["README.md", "docs/operating.md"])
def test_each_exit_code(document: str) -> None:
    table = section("Exit codes", read(document))
    listed = [int(code) for cell in first_cells(table)[2:] for code in cell.split(",")]
    assert listed == [int(code) for code in ExitCode]


def test_each_setting_by_its_variable() -> None:
    listed = {cell for cell in first_cells(section("Settings")) if cell.startswith(ENVIRONMENT_PREFIX)}
    ours = {f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert listed == ours | {"CASE_IMPORTER_SANDBOX_TOKEN"}


def test_an_example_that_nobody_watches_names_its_target() -> None:
    """A missing target is an error there, and a night must not depend on which folder it is started in."""
    texts = [block.text for path in DOCUMENTS for block in blocks(path.read_text(encoding="utf-8"))]
    scripts = [line for text in texts for line in text.splitlines() if re.search(r"case-importer run .*--quiet", line)]
    assert len(scripts) >= 2
    assert [line for line in scripts if not re.search(r"--(sandbox|region|api-url|config)\b", line)] == []


def test_each_column_of_the_reports() -> None:
    columns = [*RESULT_COLUMNS, *ID_MAP_COLUMNS, *REASON_COLUMNS, *ORPHAN_COLUMNS]
    assert [cell for cell in first_cells(section("Reports")) if cell in columns] == columns


def test_each_column_of_the_notes_that_did_not_follow() -> None:
    assert set(UPDATE_COLUMNS) - words_in_code(section("Case updates")) == set()


def test_each_verdict_and_column_of_a_verification() -> None:
    words = words_in_code(section("Did everything arrive?"))
    assert {*VERIFIED_COLUMNS, *map(str, CaseVerdict), DOUBLE} - words == set()


def test_each_code_that_the_program_itself_gives() -> None:
    """Codes are collected from the text of the program, so that a new one cannot be forgotten."""
    text = "\n".join(
        read(f"importer/{name}")
        for name in (
            "verbs/resolve.py",
            "ledger/open_ledger.py",
            "ledger/who_answers.py",
            "delivery/queue.py",
            "delivery/reconcile.py",
            "delivery/verdicts.py",
            "delivery/sender.py",
            "delivery/update_sender.py",
            "ledger/ledger.py",
            "ledger/sources.py",
            "ledger/who_answers.py",
            "talkdesk/transport.py",
        )
    )
    forms = (
        r"code ?= ?['\"]([a-z_]+)['\"]",
        r"(?:THEN|ELSE) '([a-z_]+)'",
        r"(?:NotSent|NoAnswer|_odd|_hopeless)\((?:answer, )?\"([a-z_]+)\"",
        r"return \"([a-z_]+)\", \"",
        r"(?:Outcome|UpdateOutcome)\([^)]*None, \"([a-z_]+)\"",
    )
    codes = {code for form in forms for code in re.findall(form, text)}
    assert {
        "duplicate_key",
        "already_created_changed",
        "found",
        "suppressed",
        "timeout",
        "unreachable",
        "proxy_refused",
        "wrong_echo",
    } <= codes
    assert codes - words_in_code(section("Codes in the reports")) == set()


def test_the_packages_in_the_design_are_those_that_there_are() -> None:
    table = section("Packages", read("docs/design.md")).partition("| module of")[0]
    named = set(re.findall(r"`([\w.]+/?)`", " ".join(re.findall(r"^\|[^|]+\|", table, re.MULTILINE))))
    package = {path.name + "/" * path.is_dir() for path in (PROJECT / "importer").iterdir()}
    assert named - package == set()
    nothing_to_say = {"__init__.py", "__main__.py", "__pycache__/", "_bundled/", "bundled.py", "py.typed", "version.py"}
    assert package - named - nothing_to_say == set()


def test_every_name_in_the_design_is_still_in_the_code() -> None:
    """A drawing of a house that was rebuilt is worse than none."""
    code = set(re.findall(r"\w+", "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE_FILES)))
    named = re.findall(r"\b[A-Za-z_]+\.([a-z_]+)\b(?!\.md)|\b([a-z_]+)\(\)", read("docs/design.md"))
    names = {name for pair in named for name in pair if name} - {"py", "csv", "json", "md", "web"}
    assert len(names) >= 30
    assert names - code == set()


def test_every_table_and_every_guard_of_the_ledger_is_in_the_design() -> None:
    made = re.findall(r"CREATE (?:TABLE|TRIGGER|UNIQUE INDEX) (\w+)", read("importer/ledger/schema.sql"))
    assert set(made) - words_in_code(read("docs/design.md")) == set()


def test_the_contribution_page_stays_short() -> None:
    assert len(read("CONTRIBUTING.md").splitlines()) <= 90


def test_the_files_that_the_contribution_page_names_are_there() -> None:
    names = re.findall(r"`((?:\w+/)*\w+\.(?:py|toml|sql))`", section("Where to change what", read("CONTRIBUTING.md")))
    assert len(names) >= 20
    assert [name for name in names if not (PROJECT / "importer" / name).is_file()] == []


@pytest.mark.parametrize("name", ["README.md", "docs/operating.md", "docs/design.md", "docs/delivery.md"])
def test_paragraphs_can_be_read_in_an_editor(name: str) -> None:
    lines = [line for line in prose(read(name)).splitlines() if not line.startswith(("|", "!["))]
    assert [line for line in lines if len(line) > 120] == []
