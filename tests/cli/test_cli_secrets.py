"""Promise P12: a secret is used and never shown, and the tickets' texts do not leak into messages."""

from __future__ import annotations

import asyncio
import functools
import re
import resource
import signal
import stat
import sys
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from ended import Ended
from launching import Child
from program import Program, SandboxProcess, end_of, sandbox_process, until
from scenery import write_env
from servers import Line, RawServer, Request, Step, hang, http
from tickets import Ticket, tickets, write_tickets

pytestmark = pytest.mark.slow

CANARY = "canary-9f3e1c77"
#: Longer than what is shown of any text of a server.
LONG_TOKEN = "canary-" + "7f" * 300
BASIC = b64encode(f"me:{CANARY}".encode()).decode()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[SandboxProcess]:
    """An API that knows one token only: the canary."""
    with sandbox_process(tmp_path, "--static-token", CANARY) as server:
        yield server


def files_with(text: str, folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_token_is_in_no_output_no_argument_and_no_file(local: Program, guarded: SandboxProcess, place: str) -> None:
    write_tickets(local.folder / "t.csv", tickets(30))
    settings = {"CASE_IMPORTER_TOKEN": CANARY}
    if place == "file":
        write_env(local.folder / ".env", **settings)
        settings = {}
    with local.having(**settings).running(
        "run", "t.csv", "-m", "m.yml", "--api-url", guarded.url, "--out", "out", "--rate", 60
    ) as process:
        until(lambda: guarded.creates() > 1, what="the first cases")
        seen_by_others = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert CANARY not in out
    assert CANARY.encode() not in seen_by_others
    assert files_with(CANARY, local.folder / "out") == []


def test_a_secret_that_is_refused_is_not_repeated(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", tickets(1))
    ended = online.having(CASE_IMPORTER_CLIENT_SECRET=CANARY)("run", "t.csv", "-m", "m.yml", "--json")
    assert ended.code == 7
    assert CANARY not in ended.out + ended.err
    assert files_with(CANARY, online.folder) == []


def test_a_token_that_is_none_is_refused_without_being_shown(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    broken = local.having(CASE_IMPORTER_TOKEN=f"{CANARY}\nX-Header: 1", CASE_IMPORTER_API_URL="https://127.0.0.1:1")
    ended = broken("run", "t.csv", "-m", "m.yml")
    assert ended.code == 2
    assert "CASE_IMPORTER_TOKEN is not a token" in ended.err
    assert CANARY not in ended.err


def test_a_private_key_that_is_none_is_refused_without_being_shown(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    (local.folder / "key.pem").write_text(f"{CANARY}!\n", encoding="utf-8")
    keyed = local.having(
        CASE_IMPORTER_CLIENT_ID="me",
        CASE_IMPORTER_KEY_ID="k1",
        CASE_IMPORTER_PRIVATE_KEY_FILE="key.pem",
        CASE_IMPORTER_API_URL="https://127.0.0.1:1",
    )
    ended = keyed("run", "t.csv", "-m", "m.yml", "--json")
    assert ended.code == 2
    assert "the file is not a private key" in ended.out + ended.err
    assert CANARY not in ended.out + ended.err


def test_messages_about_one_row_do_not_hold_the_texts_of_others(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1", body=CANARY), Ticket("2", subject="")])
    ended = local("run", "t.csv", "-m", "m.yml")
    assert ended.code == 3
    assert CANARY not in ended.out + ended.err
    for name in ("results.csv", "summary.json", "failures.csv"):
        assert CANARY not in (local.folder / "t-import" / name).read_text(encoding="utf-8-sig")


def repeating(secret: str, *, status: int) -> Step:
    """Answers with the secret in every text of the error, in some where a message is cut."""
    said = {"error": f"invalid_client {secret}", "error_description": "." * 370 + secret}
    fields = [{"name": secret, "description": secret}]
    said |= {"code": secret, "message": "." * 390 + secret, "description": secret, "fields": fields}

    async def step(line: Line, request: Request) -> None:
        await line.send(http(status, said))

    return step


def shown_and_kept(ended: Ended, folder: Path) -> bytes:
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".env"]
    for path in folder.rglob("*.xlsx"):
        with zipfile.ZipFile(path) as workbook:
            files += map(workbook.read, workbook.namelist())
    return b"".join([ended.out.encode(), ended.err.encode(), *files])


@pytest.mark.parametrize("secret", [CANARY, BASIC], ids=["secret", "header"])
async def test_a_token_endpoint_that_repeats_a_secret(local: Program, secret: str) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    async with RawServer(repeating(secret, status=400)) as server:
        keyed = local.having(
            CASE_IMPORTER_CLIENT_ID="me", CASE_IMPORTER_CLIENT_SECRET=CANARY, CASE_IMPORTER_API_URL=server.url
        )
        ended = await asyncio.to_thread(keyed, "run", "t.csv", "-m", "m.yml")
        assert f"Basic {BASIC}" == server.requests[0].headers["authorization"]
    assert ended.code == 7
    assert "invalid_client ***" in ended.err
    assert secret[:8].encode() not in shown_and_kept(ended, local.folder)


@pytest.mark.parametrize("verb", ["run", "users"])
@pytest.mark.parametrize("token", [CANARY, LONG_TOKEN], ids=["short", "long"])
@pytest.mark.parametrize("status", [403, 422], ids=str)
async def test_an_api_that_repeats_the_token(local: Program, token: str, status: int, verb: str) -> None:
    """In the code, the name of a field and where a message is cut: neither the token nor its beginning is left."""
    write_tickets(local.folder / "t.csv", tickets(2))
    words = {"run": ["run", "t.csv", "-m", "m.yml", "--accept-existing"], "users": ["users", "--save", "users.csv"]}
    async with RawServer(repeating(token, status=status)) as server:
        knowing = local.having(CASE_IMPORTER_TOKEN=token, CASE_IMPORTER_API_URL=server.url)
        ended = await asyncio.to_thread(knowing, *words[verb])
        assert server.requests[0].headers["authorization"] == f"Bearer {token}"
    assert ended.code in (3, 7)
    assert token[:8].encode() not in shown_and_kept(ended, local.folder)
    if verb == "run":
        told = [
            local(word, *row, "--ledger", "t-import/ledger.db")
            for word, *row in (("explain", "2"), ("status", "--runs"))
        ]
        assert [each.code for each in told] == [0, 0]
        assert token[:8] not in "".join(each.out for each in told)


@pytest.mark.parametrize(
    "address",
    ["https://me:SECRET@host:99999", "me:SECRET@host", "https://me:SECRET%40host", "https://me:SECRET\uff20host"],
    ids=["port", "scheme", "encoded", "wide"],
)
@pytest.mark.parametrize("flag", ["--api-url", "--auth-url", "--proxy"])
def test_an_address_with_a_password_is_not_repeated(local: Program, flag: str, address: str) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    api = [] if flag == "--api-url" else ["--api-url", "https://127.0.0.1:1"]
    ended = local("run", "t.csv", "-m", "m.yml", *api, flag, address)
    assert ended.code == 2
    assert flag in ended.err
    assert "SECRET" not in ended.out + ended.err


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_crash_writes_no_core_file(program: Program) -> None:
    """Whatever the shell allows: the memory of a run has secrets in it."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if hard == 0:
        pytest.skip("no core files are allowed here anyway")
    raised = functools.partial(resource.setrlimit, resource.RLIMIT_CORE, (hard, hard))
    with program.running("sandbox", "--port", 0, preexec_fn=raised) as process:
        assert process.stdout.readline().startswith("http")
        limits = Path(f"/proc/{process.pid}/limits").read_text(encoding="ascii")
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


@pytest.mark.parametrize("name", [".env", "settings.yml"])
def test_settings_with_secrets_that_all_can_read_get_one_line(local: Program, name: str) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    file = local.folder / name
    secret = {".env": f"CASE_IMPORTER_TOKEN={CANARY}", "settings.yml": f"token: {CANARY}"}[name]
    file.write_text(f"{secret}\n", encoding="utf-8")
    words = ["run", "t.csv", "-m", "m.yml", *(["--config", name] if name != ".env" else [])]
    said = []
    for mode in (0o644, 0o600):
        file.chmod(mode)
        said.append(local(*words).err)
    assert said == [f"warning: every user of this machine can read {name}; to change that: chmod 600 {name}\n", ""]


def test_a_ledger_that_others_can_read_becomes_its_owners(local: Program) -> None:
    """It was copied, say; the cells of all rows are in it."""
    write_tickets(local.folder / "t.csv", tickets(2))
    command = ["run", "t.csv", "-m", "m.yml", "--out", "out"]
    assert local(*command, "--limit", 1).code == 0
    ledger = local.folder / "out" / "ledger.db"
    ledger.chmod(0o644)
    assert local(*command).code == 0
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o600


# -- temporary folders ------------------------------------------------------------------------------


def big_export(folder: Path, rows: int = 40_000) -> str:
    """An export whose check takes some time."""
    write_tickets(folder / "big.csv", tickets(rows))
    return "big.csv"


def scratch_folders(folder: Path) -> list[Path]:
    return sorted(folder.glob("case-importer-*"))


@pytest.fixture
def scratching(local: Program) -> Program:
    """The command with a folder for temporary files of its own: ``tmp``."""
    (local.folder / "tmp").mkdir()
    return local.having(TMPDIR=str(local.folder / "tmp"))


def checking(program: Program) -> Child:
    """A check that is under way: texts of the export are in its temporary folder."""
    before = {*(program.folder / "tmp").glob("*/ledger.db-wal")}

    def has_rows() -> bool:
        logs = {*(program.folder / "tmp").glob("*/ledger.db-wal")} - before
        return any(log.stat().st_size > 1_000_000 for log in logs)

    child = program.fork("check", big_export(program.folder), "-m", "m.yml", "--quiet")
    until(has_rows, what="rows in its temporary ledger")
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_an_ended_check_leaves_nothing(scratching: Program, number: signal.Signals) -> None:
    child = checking(scratching)
    child.send(number)
    ended = child.end()
    word, code = ("interrupted", 130) if number == signal.SIGINT else ("terminated", 143)
    assert (ended.code, ended.err.strip()) == (code, f"error: {word}")
    assert scratch_folders(scratching.folder / "tmp") == []


async def test_users_that_are_ended_leave_nothing(scratching: Program) -> None:
    """The verbs of the network are ended while they wait for an answer."""
    async with RawServer(hang()) as server:
        knowing = scratching.having(CASE_IMPORTER_TOKEN=CANARY, CASE_IMPORTER_API_URL=server.url)
        child = knowing.fork("users", "--save", "users.csv")
        await server.received(1)
        child.send(signal.SIGTERM)
        ended = await asyncio.to_thread(child.end)
    assert (ended.code, ended.err.strip()) == (143, "error: terminated")
    assert scratch_folders(scratching.folder / "tmp") == []


def test_a_hangup_is_ignored_under_nohup(scratching: Program) -> None:
    ignored = functools.partial(signal.signal, signal.SIGHUP, signal.SIG_IGN)
    command = ["check", big_export(scratching.folder, 10_000), "-m", "m.yml", "--quiet"]
    with scratching.running(*command, preexec_fn=ignored) as process:
        until(lambda: scratch_folders(scratching.folder / "tmp"), what="its temporary folder")
        process.send_signal(signal.SIGHUP)
        assert end_of(process).code == 0


def test_what_a_killed_check_left_is_removed_by_the_next_command(scratching: Program) -> None:
    """But not what a living one uses, nor what is not ours."""
    temporary = scratching.folder / "tmp"
    foreign = temporary / "case-importer-notes"
    foreign.mkdir()
    elsewhere = scratching.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.txt").write_text("kept", encoding="utf-8")
    link = temporary / "case-importer-12345678.scratch"
    link.symlink_to(elsewhere)
    checking(scratching).kill()
    (left,) = {*scratch_folders(temporary)} - {foreign, link}
    assert (left / "ledger.db").exists()
    living = checking(scratching)
    (used,) = {*scratch_folders(temporary)} - {foreign, link}
    assert used != left
    living.send(signal.SIGSTOP)  # so that it cannot end meanwhile
    assert scratching("suggest", "big.csv").code == 0
    assert {*scratch_folders(temporary)} == {foreign, link, used}
    living.kill()
    assert (elsewhere / "kept.txt").exists()
