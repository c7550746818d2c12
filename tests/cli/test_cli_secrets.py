"""Promise P12: a secret is used and never shown, and the tickets' texts do not leak into messages."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from ended import Ended
from program import Program, SandboxProcess, sandbox_process, until
from scenery import write_env
from servers import Line, RawServer, Request, Step, http
from tickets import Ticket, tickets, write_tickets

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
@pytest.mark.slow
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
    write_tickets(local.folder / "t.csv", [Ticket("1", subject=CANARY, body=CANARY), Ticket("2", subject="")])
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
