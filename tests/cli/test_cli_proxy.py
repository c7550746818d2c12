"""A company whose machines reach the internet through an HTTP proxy only: by flag or variable, never by accident."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from certificates import Authority
from history import read_history
from program import Ended, Program, SandboxProcess
from proxies import PASSWORD, SAID, USER, WRITTEN_PASSWORD, ConnectProxy, leads, refuse
from scenery import LOST_AFTER, write_env
from servers import Line, RawServer, Step, hang, http, reply
from tickets import Ticket, tickets, write_tickets

pytestmark = pytest.mark.slow

#: A token instead of client and secret, of which the API knows nothing.
READY_TOKEN = {"CASE_IMPORTER_CLIENT_ID": "", "CASE_IMPORTER_CLIENT_SECRET": "", "CASE_IMPORTER_TOKEN": "t"}
SECRETS = (PASSWORD, WRITTEN_PASSWORD, SAID)


class Company(NamedTuple):
    """The API with TLS before it, and the proxy that leads there."""

    program: Program
    outside: RawServer
    proxy: ConnectProxy

    async def run(self, *flags: object, program: Program | None = None, verb: str = "run") -> Ended:
        """The command with this proxy; its password is shown nowhere."""
        # nothing is searched before the first row, so that every request is accounted for
        words = ["t.csv", "-m", "m.yml", "--accept-existing"] if verb == "run" else []
        proxy = [] if "--proxy" in flags else ["--proxy", self.proxy.address]
        ended = await asyncio.to_thread(program or self.program, verb, *words, *proxy, *flags)
        folder = self.program.folder
        texts = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        texts |= {"out": ended.out.encode(), "err": ended.err.encode()}
        assert [(name, secret) for name, text in texts.items() for secret in SECRETS if secret.encode() in text] == []
        return ended

    def assert_nothing_went_past(self) -> None:
        """Every connection came through the proxy, which saw nothing that is secret."""
        assert len(self.proxy.tunnels) == self.outside.connections
        for secret in (b"sandbox-secret", b"Authorization", b"authorization"):
            assert secret not in self.proxy.seen
        assert all("authorization" not in request.headers for request in self.proxy.requests)


@asynccontextmanager
async def company(online: Program, server: SandboxProcess, *script: Step | None) -> AsyncIterator[Company]:
    """A proxy with this script, and a program that knows everything but the proxy."""
    port = int(server.url.rpartition(":")[2])

    async def inside(line: Line) -> None:
        await line.lead_to("127.0.0.1", port)

    authority = Authority(online.folder)
    async with (
        RawServer(hang(), greeting=inside, tls=authority.server()) as outside,
        ConnectProxy(*script, wants_password=True) as proxy,
    ):
        settings = {"CASE_IMPORTER_API_URL": outside.url, "CASE_IMPORTER_CA_FILE": str(authority.file)}
        yield Company(online.having(**settings, CASE_IMPORTER_RATE="100"), outside, proxy)


def keys_at(server: SandboxProcess, prefix: str) -> list[str]:
    """The external ids with this beginning that the API knows, each as often as there are cases of it."""
    external_ids = [str(case["custom_fields"].get("text1")) for case in server.cases()]
    return sorted(external_id for external_id in external_ids if external_id.startswith(prefix))


async def test_a_run_through_the_proxy(online: Program, server: SandboxProcess) -> None:
    """Token, cases and all; variables that others obey count for nothing."""
    rows = tickets(20, prefix="through-")
    write_tickets(online.folder / "t.csv", rows)
    async with company(online, server) as here, RawServer(refuse(502)) as other:
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        program = here.program.having(**dict.fromkeys(names, other.url))
        ended = await here.run("--json", program=program)
        assert (ended.code, ended.counts) == (0, {"created": 20}), ended.err
        assert keys_at(server, "through-") == [row.id for row in rows]
        assert (len(here.proxy.tunnels), other.connections) == (22, 0), "a token before and after the reading, 20 cases"
        here.assert_nothing_went_past()


async def test_without_the_flag_nothing_goes_to_any_proxy(online: Program, server: SandboxProcess) -> None:
    """The control for the test above: the same variables, the same server."""
    write_tickets(online.folder / "t.csv", tickets(2, prefix="past-"))
    async with company(online, server) as here:
        names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
        program = here.program.having(**dict.fromkeys(names, here.proxy.address))
        ended = await asyncio.to_thread(program, "run", "t.csv", "-m", "m.yml", "--accept-existing", "--json")
        assert (ended.code, ended.counts) == (0, {"created": 2})
        assert (here.proxy.connections, here.outside.connections) == (0, 4)
        with pytest.raises(AssertionError):
            here.assert_nothing_went_past()


@pytest.mark.parametrize("place", ["environment", "file"])
async def test_the_proxy_may_stand_where_secrets_stand(online: Program, server: SandboxProcess, place: str) -> None:
    write_tickets(online.folder / "t.csv", tickets(1, prefix=f"{place}-"))
    async with company(online, server) as here:
        program = here.program.having(CASE_IMPORTER_PROXY=here.proxy.address)
        words = ["run", "t.csv", "-m", "m.yml", "--json"]
        if place == "file":
            program = Program(online.folder)
            write_env(online.folder / "s.env", **here.program.variables, CASE_IMPORTER_PROXY=here.proxy.address)
            words += ["--config", "s.env"]
        ended = await asyncio.to_thread(program, *words)
        assert (ended.code, ended.counts) == (0, {"created": 1}), ended.err
        here.assert_nothing_went_past()


@pytest.mark.parametrize("how", ["client", "token"])
async def test_a_proxy_that_wants_another_password_ends_the_run_with_7(
    online: Program, server: SandboxProcess, how: str
) -> None:
    """At the token endpoint, and with a ready token at the first case."""
    write_tickets(online.folder / "t.csv", tickets(3, prefix=f"refused-{how}-"))
    before = server.creates()
    async with company(online, server) as here:
        program = here.program.having(**READY_TOKEN if how == "token" else {})
        wrong = f"http://{USER}:{WRITTEN_PASSWORD}x@127.0.0.1:{here.proxy.port}"
        ended = await here.run("--proxy", wrong, "--quiet", program=program)
        assert ended.code == 7
        assert f"proxy 127.0.0.1:{here.proxy.port} rejected the user and password (HTTP 407)" in ended.err
        assert "--proxy: http://user:password@host:port" in ended.err
        assert (here.outside.connections, server.creates()) == (0, before)
        assert (await here.run("--quiet")).code == 0, "the same command with the right password goes on"
        assert len(keys_at(server, f"refused-{how}-")) == 3


async def test_tunnels_that_fail_now_and_then(online: Program, server: SandboxProcess) -> None:
    """502 for some: the rows wait and go again, and the totals agree with the server."""
    rows = tickets(30, prefix="shaky-")
    write_tickets(online.folder / "t.csv", rows)
    async with company(online, server, *[leads] * 4, *[refuse(502)] * 3, leads) as here:
        ended = await here.run("--json")
        assert (ended.code, ended.counts) == (0, {"created": 30}), ended.err
        assert keys_at(server, "shaky-") == [row.id for row in rows]
        assert len(here.proxy.requests) == 2 + 30 + 3
        here.assert_nothing_went_past()
    cases = [case for case in server.cases() if "shaky-" in str(case["custom_fields"])]
    history = read_history(online.folder / "t-import" / "ledger.db", keys=[row.id for row in rows], cases=cases)
    assert history.offences == {}


async def test_a_look_up_that_the_proxy_refuses_stops_the_run(online: Program, server: SandboxProcess) -> None:
    """The row stays unknown; nobody asks a hundred times what is refused for good."""
    write_tickets(online.folder / "t.csv", [Ticket("doubt-1", LOST_AFTER)])
    async with company(online, server, leads, leads, leads, refuse(407), leads) as here:
        ended = await here.run("--json")
        assert (ended.code, ended.counts) == (7, {"unknown": 1})
        assert "(HTTP 407)" in ended.json["error"]["what"]
        assert len(here.proxy.requests) == 4
        ended = await here.run("--json")
        assert ended.counts == {"created": 1}
        assert keys_at(server, "doubt-1") == ["doubt-1"]


@pytest.mark.parametrize("settings", [{}, READY_TOKEN])
async def test_definitions_come_through_the_proxy_too(
    online: Program, server: SandboxProcess, settings: dict[str, str]
) -> None:
    async with company(online, server, refuse(403), leads) as here:
        ended = await here.run("--save", "fields.yml", verb="fields", program=here.program.having(**settings))
        assert ended.code == 7
        assert "refused the connection (HTTP 403)" in ended.err
        assert "allow CONNECT to the API" in ended.err
        assert (await here.run("--save", "fields.yml", verb="fields")).code == 0
        assert (online.folder / "fields.yml").exists()
        here.assert_nothing_went_past()


async def test_what_is_on_this_machine_needs_no_proxy(online: Program, server: SandboxProcess) -> None:
    """The embedded sandbox, and a plain http address on the command line while the environment names a proxy."""
    write_tickets(online.folder / "t.csv", tickets(1, prefix="near-"))
    async with company(online, server) as here:
        program = here.program.having(CASE_IMPORTER_PROXY=here.proxy.address)
        words = ["run", "t.csv", "-m", "m.yml", "--json"]
        here_too = await asyncio.to_thread(program, *words, "--api-url", server.url, "--out", "near")
        inside = await asyncio.to_thread(program, *words, "--sandbox", "--proxy", here.proxy.address)
        assert (here_too.code, here_too.json["target"]) == (0, server.url)
        assert (inside.code, inside.json["target"].partition(":")[0]) == (0, "sandbox")
        assert here.proxy.connections == 0


def test_a_bad_proxy_of_the_environment_is_named_and_not_shown(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    ended = local.having(CASE_IMPORTER_PROXY=f"https://me:{WRITTEN_PASSWORD}@proxy:3128")("run", "t.csv", "-m", "m.yml")
    assert ended.code == 2
    assert "--proxy must be http://host:port or http://user:password@host:port" in ended.err
    assert "(set by CASE_IMPORTER_PROXY in the environment)" in ended.err
    assert WRITTEN_PASSWORD not in ended.err
    assert not Path(local.folder / "t-import").exists()


async def test_a_server_that_repeats_the_password_of_the_proxy(online: Program) -> None:
    write_tickets(online.folder / "t.csv", tickets(1))
    authority = Authority(online.folder)
    said = {"code": "1", "message": f"{PASSWORD} {WRITTEN_PASSWORD} {SAID}"}
    async with (
        RawServer(reply(http(422, said)), tls=authority.server()) as outside,
        ConnectProxy(wants_password=True) as proxy,
    ):
        settings = {"CASE_IMPORTER_API_URL": outside.url, "CASE_IMPORTER_CA_FILE": str(authority.file)}
        here = Company(online.having(**READY_TOKEN, **settings), outside, proxy)
        assert (await here.run()).code == 3
    assert "*** *** ***" in (online.folder / "t-import" / "results.csv").read_text(encoding="utf-8-sig")
