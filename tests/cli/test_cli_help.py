"""Help, version, schema: what the program says about itself, without any work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import jsonschema
import pytest
from program import Program, environment
from tickets import MAPPING, tickets, write_tickets

from importer.cli.commands import cli
from importer.errors import ExitCode
from importer.ledger import Ledger
from importer.version import __version__

#: Ends the program as ``case-importer --help`` does and then names the heavy libraries and packages that were loaded.
LOADED_BY = """
import sys
from importer.cli import main
sys.argv = ["case-importer", *sys.argv[1:]]
try:
    main()
finally:
    heavy = {"aiohttp", "calamine", "jwt", "numpy", "pandas", "pydantic", "python_calamine"}
    heavy |= {"importer.ledger", "importer.report", "importer.sandbox", "importer.suggest"}
    print("loaded:", *sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_explains_itself(program: Program, command: str) -> None:
    ended = program(command, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: case-importer {command}")


def lines_of(program: Program, *arguments: str) -> list[str]:
    """What 80 columns show."""
    lines = program.having(COLUMNS="80")(*arguments).out.splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def test_commands_come_in_the_order_of_the_work_and_none_is_cut(program: Program) -> None:
    lines = lines_of(program, "--help")
    headings = ["Prepare:", "Import:", "After the import:", "Account:", "Other:"]
    assert [line for line in lines if line in headings] == headings
    indented = [line.split()[0] for line in lines if line.startswith("  ") and line[2:3].isalpha()]
    named = [word for word in indented if word in cli.commands]
    assert named[:8] == ["suggest", "mappings", "check", "preview", "rehearse", "try", "run", "status"]
    assert sorted(named) == sorted(cli.commands)
    assert [line for line in lines[1:] if line.endswith("...")] == []


def test_the_options_of_a_run_stand_under_headings(program: Program) -> None:
    text = "\n".join(lines_of(program, "run", "--help"))
    parts = re.split(r"^([A-Z][a-z ]+):$", text, flags=re.MULTILINE)
    options = {heading: re.findall(r"^  (?:-\w, )?(--[a-z-]+)", part, re.MULTILINE) for heading, part in pairs(parts)}
    assert list(options) == ["Input", "Run", "Target", "Speed and network", "Reports", "Output"]
    assert options["Input"][:2] == ["--mapping", "--notes"]
    assert options["Run"] == [
        "--ledger",
        "--out",
        "--limit",
        "--max-failures",
        "--dry-run",
        "--accept-existing",
        "--yes",
    ]
    assert {"--sandbox", "--region", "--account"} <= set(options["Target"])
    assert {"--rate", "--concurrency"} <= set(options["Speed and network"])
    assert options["Reports"] == ["--report-format", "--csv-delimiter"]
    assert set(options["Output"]) == {"--log-file", "--quiet", "--json", "--help"}


def pairs(parts: list[str]) -> list[tuple[str, str]]:
    """Headings and what stands below them."""
    return list(zip(parts[1::2], parts[2::2], strict=True))


def test_every_option_has_a_text(program: Program) -> None:
    silent = {
        f"{name} {option.opts[0]}"
        for name, command in cli.commands.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    }
    assert silent == set()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("run t.csv --mapping ji", ["plain,jira", "plain,jira-cloud", "plain,jira-cloud-de", "file,ji"]),
        ("check t.csv -m zen", ["plain,zendesk", "file,zen"]),
        ("retry --mapping my.y", ["file,my.y"]),
        ("rep", ["plain,report"]),
    ],
)
def test_a_shell_completes_commands_and_the_names_of_mappings(program: Program, words: str, offered: list[str]) -> None:
    line = f"case-importer {words}"
    ended = program.having(
        _CASE_IMPORTER_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(line.split()) - 1)
    )()
    assert (ended.code, ended.out.splitlines()) == (0, offered)


def test_nothing_promises_that_no_row_is_sent_twice(program: Program) -> None:
    """Rows that were proven not created are sent again; what never happens is that a row becomes two cases."""
    for command in ("run", "retry"):
        text = " ".join(program(command, "--help").out.split())
        assert "sent twice" not in text
    assert "Rows that are already cases are skipped." in " ".join(program("run", "--help").out.split())
    assert "refused or are pending" in program("retry", "--help").out


def test_the_help_lists_every_exit_code(program: Program) -> None:
    text = program("--help").out
    codes = text.partition("Exit codes:")[2].replace("(", " ").replace(":", " ").split()
    assert {str(int(code)) for code in ExitCode} <= set(codes)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_no_heavy_library(tmp_path: Path, arguments: list[str]) -> None:
    """Help must come at once, also on a slow machine."""
    assert loaded_by(arguments, tmp_path)[0] == set()


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["status"], set()),
        (["status", "--json"], set()),
        (["report", "--out", "reports", "--quiet"], set()),
        (["resolve", "K", "--drop", "--reason", "seen"], set()),
        (["retry", "--quiet"], {"aiohttp", "pydantic"}),
    ],
)
def test_what_needs_no_export_loads_nothing_that_reads_one(
    tmp_path: Path, arguments: list[str], needed: set[str]
) -> None:
    """People and monitors ask for the totals all the time; none of these needs pandas."""
    with Ledger(tmp_path / "ledger.db", verb="run") as ledger:
        ledger.exit_code = ExitCode.OK
    loaded, _ = loaded_by([*arguments, "--ledger", "ledger.db"], tmp_path)
    assert loaded - {"importer.report"} == needed | {"importer.ledger"}


@pytest.mark.slow
def test_a_run_loads_neither_a_web_server_nor_ciphers_for_a_real_account(tmp_path: Path) -> None:
    """What only the sandbox, signed assertions and suggestions need is a quarter of the start."""
    write_tickets(tmp_path / "t.csv", tickets(1))
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    target = ["--api-url", "http://127.0.0.1:9", "--auth-url", "http://127.0.0.1:9"]
    loaded, said = loaded_by(["run", "t.csv", "-m", "m.yml", "--quiet", *target], tmp_path)
    assert "cannot get an access token" in said, "it got as far as to the network"
    assert loaded == {"aiohttp", "numpy", "pandas", "pydantic", "importer.ledger", "importer.report"}


def loaded_by(arguments: list[str], folder: Path) -> tuple[set[str], str]:
    """The heavy libraries that a command loads, and what it says on standard error before."""
    ended = subprocess.run(
        [sys.executable, "-c", LOADED_BY, *arguments],
        capture_output=True,
        text=True,
        env=environment(CASE_IMPORTER_CLIENT_ID="c", CASE_IMPORTER_CLIENT_SECRET="s"),
        cwd=folder,
    )
    said, _, loaded = ended.stderr.rpartition("loaded:")
    return set(loaded.split()), said


def test_version(program: Program) -> None:
    assert program("--version").out == f"case-importer, version {__version__}\n"


def test_python_m_importer_is_the_same_command(tmp_path: Path, program: Program) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "importer", "--help"], capture_output=True, text=True, env=environment(), cwd=tmp_path
    )
    assert (ended.returncode, ended.stdout.partition("Options:")[2]) == (
        0,
        program("--help").out.partition("Options:")[2],
    )


def test_schema_is_a_json_schema(program: Program) -> None:
    schema = program("schema").json
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "case" in schema["properties"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Usage: case-importer"),
        (["bogus"], "error: no such command 'bogus'\n  hint: case-importer --help"),
        (["run"], "error: missing argument 'SOURCE'\n  hint: case-importer run --help"),
        (["run", "t.csv"], "error: missing option '--mapping'"),
        (["run", "t.csv", "-m", "m.yml", "--bogus"], "error: no such option '--bogus'"),
        (["run", "t.csv", "-m", "m.yml", "--limit", "0"], "'--limit'"),
        (["run", "t.csv", "-m", "m.yml", "--region", "mars"], "'us', 'eu', 'ca'"),
        (["preview", "t.csv", "-m", "m.yml", "-n", "none"], "'-n'"),
        (["status"], "missing option '--ledger'"),
        (["check", "My", "tickets.csv", "-m", "m.yml"], "put a path with spaces in quotes; case-importer check --help"),
        (["check", "t.csv", "-m", "m.yml", "--volume-factor", "2"], "has no effect without --baseline"),
        (["mappings", "list", "zendesk"], "only copy accepts a name"),
        (["mappings", "-o", "x.yml"], "only copy accepts a name"),
        (["report", "--ledger", "l.db"], "missing option '--out'"),
        (["retry", "--ledger", "l.db", "--state", "created"], "'--state'"),
        (["sandbox", "--port", "70000"], "'--port'"),
    ],
)
def test_wrong_usage_says_what_is_wrong(program: Program, arguments: list[str], said: str) -> None:
    ended = program(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert list(program.folder.iterdir()) == []
