"""What is known before the first row, and told: permissions, certificates, and that nothing can be looked up."""

from __future__ import annotations

import asyncio

from certificates import Authority
from program import Ended, Program
from servers import RawServer, hang, http, reply
from tickets import WITHOUT_EXTERNAL_ID, tickets, write_tickets

from importer.sandbox import Sandbox, SandboxOptions

RUN = ("run", "t.csv", "-m", "m.yml")
LOGIN = {"CASE_IMPORTER_CLIENT_ID": "c", "CASE_IMPORTER_CLIENT_SECRET": "s"}


async def run_with(local: Program, *scopes: str, flags: tuple[str, ...] = ()) -> tuple[Ended, int]:
    """The command against an API that grants these scopes; and how many cases that has then."""
    write_tickets(local.folder / "t.csv", tickets(3))
    options = SandboxOptions(scopes=scopes, client_id="c", client_secret="s")
    async with Sandbox(options) as sandbox:
        program = local.having(**LOGIN, CASE_IMPORTER_API_URL=sandbox.base_url)
        return await asyncio.to_thread(program, *RUN, *flags), sandbox.state()["requests"].get("create", 0)


async def test_a_client_that_cannot_read_cases_is_told_once(local: Program) -> None:
    ended, creates = await run_with(local, "cases-public:write")
    assert (ended.code, creates) == (0, 3)
    assert ended.err == (
        "warning: the OAuth client lacks the scope cases-public:read,"
        " so rows with an unknown outcome cannot be settled\n"
        "  hint: add the scope to the OAuth client in Talkdesk Builder\n"
    )


async def test_a_client_with_both_scopes_is_told_nothing(local: Program) -> None:
    ended, creates = await run_with(local, "cases-public:write", "cases-public:read")
    assert (ended.code, creates, ended.err) == (0, 3, "")


async def test_a_client_that_cannot_create_cases_stops_before_the_file_is_read(local: Program) -> None:
    """One error, no page, and nothing is left behind."""
    ended, creates = await run_with(local, "cases-public:read")
    assert (ended.code, creates, ended.out) == (7, 0, "")
    assert "the OAuth client lacks the scope cases-public:write, so it cannot create cases" in ended.err
    assert ended.err.endswith("  hint: add the scope to the OAuth client in Talkdesk Builder\n")
    assert not (local.folder / "t-import").exists()


async def test_credentials_that_are_wrong_stop_before_the_file_is_read(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(3))
    async with Sandbox(SandboxOptions(client_id="c", client_secret="other")) as sandbox:
        program = local.having(**LOGIN, CASE_IMPORTER_API_URL=sandbox.base_url)
        ended = await asyncio.to_thread(program, *RUN)
    assert (ended.code, ended.out) == (7, "")
    assert "credentials rejected (invalid_client" in ended.err
    assert not (local.folder / "t-import").exists()


async def test_a_server_that_does_not_name_scopes_is_not_doubted(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    token = reply(http(200, {"access_token": "t", "expires_in": 600}))
    async with RawServer(token, token, reply(http(422, {"message": "no"}))) as server:
        program = local.having(**LOGIN, CASE_IMPORTER_API_URL=server.url)
        ended = await asyncio.to_thread(program, *RUN, "--accept-existing")
    assert (ended.code, ended.err) == (3, "")


def test_a_mapping_without_external_id_is_told_once(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(2))
    (local.folder / "m.yml").write_text(WITHOUT_EXTERNAL_ID, encoding="utf-8")
    ended = local(*RUN)
    assert ended.code == 0
    assert ended.err == (
        "warning: the mapping sets no external id,"
        " so a row whose response is lost stays unknown until you resolve it\n"
        "  hint: add a line such as `external_id_field: text1` to the mapping,"
        " with a text field used for nothing else\n"
    )
    assert local(*RUN, "--out", "quiet", "--quiet").err == ""


async def test_a_certificate_that_is_not_trusted_names_the_flag_for_it(local: Program) -> None:
    """At the token endpoint, and with a ready token at the first case."""
    write_tickets(local.folder / "t.csv", tickets(1))
    authority = Authority(local.folder)
    async with RawServer(hang(), tls=authority.server()) as server:
        for login in (LOGIN, {"CASE_IMPORTER_TOKEN": "t"}):
            program = local.having(**login, CASE_IMPORTER_API_URL=server.url)
            ended = await asyncio.to_thread(program, *RUN)
            assert ended.code == 7
            assert "the server's certificate is not trusted" in ended.err
            assert ended.err.endswith("if your company uses its own certificate, pass it with --ca-file\n")
            fetched = await asyncio.to_thread(program, "fields", "--save", "fields.yml")
            assert fetched.code == 7
            assert "--ca-file" in fetched.err
