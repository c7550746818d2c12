"""Help, version, schema: what the program says about itself, without any work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from program import Program, environment
from tickets import MAPPING, tickets, write_tickets

from importer.cli.commands import cli
from importer.errors import ExitCode
from importer.ledger import Ledger
from importer.version import __version__

#: Ends the program as ``case-importer --help`` does and then names the heavy libraries and rooms that were loaded.
LOADED_BY = """
import sys
from importer.cli import main
sys.argv = ["case-importer", *sys.argv[1:]]
try:
    main()
finally:
    heavy = {"aiohttp", "calamine", "jwt", "numpy", "pandas", "pydantic", "python_calamine"}
    heavy |= {"importer.sandbox", "importer.suggest"}
    print("loaded:", *sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_explains_itself(program: Program, command: str) -> None:
    ended = program(command, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: case-importer {command}")


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
    """People and monitors ask for the books all the time; none of these needs pandas."""
    with Ledger(tmp_path / "ledger.db", verb="run") as ledger:
        ledger.exit_code = ExitCode.OK
    assert loaded_by([*arguments, "--ledger", "ledger.db"], tmp_path)[0] == needed


def test_a_run_loads_neither_a_web_server_nor_ciphers_for_a_real_account(tmp_path: Path) -> None:
    """What only the sandbox, signed assertions and suggestions need is a quarter of the start."""
    write_tickets(tmp_path / "t.csv", tickets(1))
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    target = ["--api-url", "http://127.0.0.1:9", "--auth-url", "http://127.0.0.1:9"]
    loaded, said = loaded_by(["run", "t.csv", "-m", "m.yml", "--quiet", *target], tmp_path)
    assert "no token can be had" in said, "it got as far as to the network"
    assert loaded == {"aiohttp", "numpy", "pandas", "pydantic"}


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
        (["bogus"], "No such command 'bogus'"),
        (["run"], "Missing argument 'SOURCE'"),
        (["run", "t.csv"], "Missing option '--mapping'"),
        (["run", "t.csv", "-m", "m.yml", "--bogus"], "No such option '--bogus'"),
        (["run", "t.csv", "-m", "m.yml", "--limit", "0"], "'--limit'"),
        (["run", "t.csv", "-m", "m.yml", "--region", "mars"], "'us', 'eu', 'ca'"),
        (["preview", "t.csv", "-m", "m.yml", "-n", "none"], "'-n'"),
        (["status"], "Missing option '--ledger'"),
        (["report", "--ledger", "l.db"], "Missing option '--out'"),
        (["retry", "--ledger", "l.db", "--state", "created"], "'--state'"),
        (["sandbox", "--port", "70000"], "'--port'"),
    ],
)
def test_wrong_usage_says_what_is_wrong(program: Program, arguments: list[str], said: str) -> None:
    ended = program(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert list(program.folder.iterdir()) == []
