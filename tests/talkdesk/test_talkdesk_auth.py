"""Tokens: fetched once for all, renewed early, and never the reason why a row fails."""

from __future__ import annotations

import asyncio
import traceback
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from program import closed_address
from servers import RawServer, drop, hang, http, reply

from importer.errors import TargetError
from importer.sandbox import Sandbox, SandboxOptions
from importer.talkdesk import transport
from importer.talkdesk.auth import WRITE_SCOPE, Tokens, TokenTrouble, signed_assertion
from importer.talkdesk.client import CaseApi
from importer.talkdesk.credentials import Credentials, KeyCredentials, SecretCredentials, StaticCredentials
from importer.talkdesk.transport import Transport

CANARY = "c4n4ry-s3cr3t"
SECRET = SecretCredentials("my-client", CANARY)
BODY = orjson.dumps({"title": "T", "description": "D"})


def token(text: str = "t1", **more: Any) -> bytes:
    return http(200, {"access_token": text, "expires_in": 599, "token_type": "Bearer", **more})


def tokens_of(connections: Transport, url: str, credentials: Credentials = SECRET, **more: Any) -> Tokens:
    return Tokens(connections, token_url=url, credentials=lambda: credentials, **more)


def open_client() -> Transport:
    return Transport(force_close=False)


def key_pair() -> tuple[str, str]:
    """A private and a public key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


class Clock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# -- against the sandbox, which shares no code with us --------------------------------------------------


async def create_with(sandbox: Sandbox, credentials: Credentials) -> int:
    """Get a token with these credentials, create a case with it, and return the status."""
    async with open_client() as connections:
        token = await tokens_of(connections, sandbox.token_url, credentials).get()
        answer = await CaseApi(connections, api_url=sandbox.base_url).create_case(BODY, token)
        return answer.status


async def test_basic() -> None:
    async with Sandbox() as sandbox:
        credentials = SecretCredentials(sandbox.client_id, sandbox.client_secret)
        assert await create_with(sandbox, credentials) == 201


async def test_a_signed_assertion_is_taken_if_its_key_is_known() -> None:
    private, public = key_pair()
    async with Sandbox(SandboxOptions(public_keys={"k1": public})) as sandbox:
        credentials = KeyCredentials(sandbox.client_id, "k1", private)
        assert await create_with(sandbox, credentials) == 201
        for wrong in (replace(credentials, key_id="k2"), replace(credentials, private_key=key_pair()[0])):
            with pytest.raises(TargetError, match="credentials rejected"):
                await create_with(sandbox, wrong)


async def test_a_ready_token() -> None:
    async with Sandbox(SandboxOptions(static_token="abc")) as sandbox:
        assert await create_with(sandbox, StaticCredentials("abc")) == 201
        assert await create_with(sandbox, StaticCredentials("abd")) == 401


async def test_a_wrong_secret_stops_the_run() -> None:
    async with Sandbox() as sandbox:
        with pytest.raises(TargetError, match="credentials rejected") as refusal:
            await create_with(sandbox, SecretCredentials(sandbox.client_id, CANARY))
    assert refusal.value.exit_code == 7


async def test_a_client_without_the_right_to_create_stops_the_run() -> None:
    """Known before the first row is sent."""
    async with Sandbox(SandboxOptions(scopes=("cases-public:read",))) as sandbox:
        with pytest.raises(TargetError, match=WRITE_SCOPE):
            await create_with(sandbox, SecretCredentials(sandbox.client_id, sandbox.client_secret))


async def test_a_token_that_lives_for_seconds_is_renewed_in_time() -> None:
    """The sandbox refuses what has expired; with a clock at its heels, no request meets that."""
    async with Sandbox(SandboxOptions(token_life=1)) as sandbox, open_client() as connections:
        tokens = tokens_of(connections, sandbox.token_url, SecretCredentials(sandbox.client_id, sandbox.client_secret))
        api = CaseApi(connections, api_url=sandbox.base_url)
        for _ in range(25):
            answer = await api.create_case(BODY, await tokens.get())
            assert answer.status == 201
            await asyncio.sleep(0.05)
        assert tokens.renewals >= 2


# -- what is sent ---------------------------------------------------------------------------------------


async def test_what_a_token_request_with_a_secret_holds() -> None:
    async with RawServer(reply(token())) as server, open_client() as connections:
        await tokens_of(connections, server.url + "/oauth/token").get()
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/oauth/token")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    kind, pair = request.headers["authorization"].split()
    assert (kind, b64decode(pair).decode()) == ("Basic", f"my-client:{CANARY}")
    assert parse_qs(request.body.decode()) == {"grant_type": ["client_credentials"]}  # no scope: all that there are


@pytest.mark.parametrize(
    ("scope", "granted"),
    [("cases-public:write cases-public:read", {"cases-public:write", "cases-public:read"}), (None, None), ("", None)],
)
async def test_what_a_token_allows_is_known(scope: str | None, granted: set[str] | None) -> None:
    async with RawServer(reply(token(scope=scope))) as server, open_client() as connections:
        tokens = tokens_of(connections, server.url)
        await tokens.get()
        assert tokens.scopes == granted


async def test_what_a_token_request_with_a_key_holds() -> None:
    private, public = key_pair()
    async with RawServer(reply(token()), reply(token())) as server, open_client() as connections:
        url = server.url + "/oauth/token"
        for _ in range(2):
            await tokens_of(connections, url, KeyCredentials("my-client", "k1", private)).get()
    forms = [parse_qs(request.body.decode()) for request in server.requests]
    assert "authorization" not in server.requests[0].headers
    assert forms[0]["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    claims = [jwt.decode(form["client_assertion"][0], public, algorithms=["ES256"], audience=url) for form in forms]
    assert jwt.get_unverified_header(forms[0]["client_assertion"][0]) == {"alg": "ES256", "kid": "k1", "typ": "JWT"}
    assert (claims[0]["iss"], claims[0]["sub"]) == ("my-client", "my-client")
    assert 0 < claims[0]["exp"] - claims[0]["iat"] <= 300
    assert claims[0]["jti"] != claims[1]["jti"]


@pytest.mark.parametrize(
    "key",
    ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", key_pair()[1]],
    ids=["empty", "text", "damaged", "public"],
)
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(TargetError, match="unusable private key"):
        signed_assertion(KeyCredentials("c", "k", key), "https://id.example.com")


# -- once for all ---------------------------------------------------------------------------------------


async def test_fifty_who_wait_share_one_request(loop_factory: Any) -> None:
    async with RawServer(reply(token("t1")), reply(token("t2"))) as server, open_client() as connections:
        tokens = tokens_of(connections, server.url)
        got = await asyncio.gather(*(tokens.get() for _ in range(50)))
        assert set(got) == {"t1"}
        for _ in range(50):  # all that were under way are refused at once
            tokens.reject("t1")
        got = await asyncio.gather(*(tokens.get() for _ in range(50)))
        assert set(got) == {"t2"}
        assert len(server.requests) == tokens.renewals == 2


async def test_fifty_who_wait_share_one_failure() -> None:
    """A token endpoint in trouble is not stormed."""
    async with RawServer(reply(http(500))) as server, open_client() as connections:
        tokens = tokens_of(connections, server.url)
        results = await asyncio.gather(*(tokens.get() for _ in range(50)), return_exceptions=True)
        assert {type(result) for result in results} == {TokenTrouble}
        assert len(server.requests) <= 2


async def test_a_late_refusal_of_an_old_token_costs_nothing() -> None:
    async with RawServer(reply(token("t1")), reply(token("t2"))) as server, open_client() as connections:
        tokens = tokens_of(connections, server.url)
        old = await tokens.get()
        tokens.reject(old)
        new = await tokens.get()
        tokens.reject(old)
        assert await tokens.get() == new
        assert len(server.requests) == 2


async def test_one_who_gives_up_does_not_take_the_others_along() -> None:
    gate = asyncio.Event()

    async def slowly(line: Any, request: Any) -> None:
        await gate.wait()
        await line.send(token())

    async with RawServer(slowly) as server, open_client() as connections:
        tokens = tokens_of(connections, server.url)
        first = asyncio.create_task(tokens.get())
        await server.received(1)
        second = asyncio.create_task(tokens.get())
        first.cancel()
        gate.set()
        assert await second == "t1"


@pytest.mark.parametrize(("life", "kept"), [(599, 539), (3600, 3540), (100, 80), (5, 4)])
async def test_a_token_is_renewed_before_it_expires(life: float, kept: float) -> None:
    clock = Clock()
    async with (
        RawServer(reply(token("t1", expires_in=life)), reply(token("t2"))) as server,
        open_client() as connections,
    ):
        tokens = tokens_of(connections, server.url, clock=clock)
        assert await tokens.get() == "t1"
        clock.now += kept - 0.01
        assert await tokens.get() == "t1"
        clock.now += 0.02
        assert await tokens.get() == "t2"


@pytest.mark.parametrize("life", [None, "599", 0, -1, True, [], 1e300])
async def test_a_token_without_a_sensible_life_is_taken_all_the_same(life: object) -> None:
    async with RawServer(reply(token(expires_in=life))) as server, open_client() as connections:
        assert await tokens_of(connections, server.url).get() == "t1"


async def test_a_rotated_secret_is_picked_up() -> None:
    """On a refusal the source is read again, not a copy of what it held at the start."""
    secrets = ["old", "new"]
    async with RawServer(reply(token("t1")), reply(token("t2"))) as server, open_client() as connections:
        credentials: Callable[[], Credentials] = lambda: SecretCredentials("my-client", secrets[0])  # noqa: E731
        tokens = Tokens(connections, token_url=server.url, credentials=credentials)
        tokens.reject(await tokens.get())
        secrets.pop(0)
        await tokens.get()
    sent = [b64decode(request.headers["authorization"].split()[1]).decode() for request in server.requests]
    assert sent == ["my-client:old", "my-client:new"]


# -- endpoints that are none, or not today --------------------------------------------------------------

FATAL = {
    "wrong client": http(401, {"error": "invalid_client", "error_description": "Unknown client"}),
    "wrong grant": http(400, {"error": "unauthorized_client"}),
    "forbidden": http(403, {"error": "access_denied"}),
    "moved": http(301, b"", "Location: http://127.0.0.1:1/elsewhere"),
    "moved, method kept": http(308, b"", "Location: http://127.0.0.1:1/elsewhere"),
    "not here": http(404, b"<html>"),
    "not like this": http(405, b""),
    "scope missing": token(scope="cases-public:read account:read"),
}
PASSING = {
    "html": http(200, b"<html>Log in</html>", "Content-Type: text/html"),
    "empty": http(200, b""),
    "no token": http(200, {"expires_in": 599}),
    "token is no text": http(200, {"access_token": 7}),
    "token with a line end": token("abc\r\nX-Evil: 1"),
    "token in Greek": token("αβγ"),
    "broken": http(500, b""),
    "down": http(503, b"down", "Retry-After: 3"),
    "throttled": http(429, {"message": "slow down"}),
    "refused by a gateway": http(403, b"<html>"),
    "list": http(200, []),
    "cut": token()[:-1],
    "garbage": b"garbage\r\n\r\n",
}


@pytest.mark.parametrize("name", FATAL)
async def test_what_no_patience_can_cure_stops_the_run(name: str) -> None:
    async with RawServer(reply(FATAL[name])) as server, open_client() as connections:
        with pytest.raises(TargetError) as stop:
            await tokens_of(connections, server.url).get()
        assert len(server.requests) == 1  # a redirect is not followed: the secret stays here
    assert stop.value.where == server.url
    assert_secret_is_kept(stop.value)


@pytest.mark.parametrize("name", PASSING)
async def test_what_may_pass_is_trouble_and_no_verdict(name: str) -> None:
    async def step(line: Any, request: Any) -> None:
        await line.send(PASSING[name])
        line.end()

    async with RawServer(step) as server, open_client() as connections:
        with pytest.raises(TokenTrouble) as trouble:
            await tokens_of(connections, server.url).get()
    assert_secret_is_kept(trouble.value)


async def test_an_endpoint_that_cannot_be_reached_is_trouble() -> None:
    with closed_address() as url:
        async with open_client() as connections:
            with pytest.raises(TokenTrouble, match="cannot reach") as trouble:
                await tokens_of(connections, url).get()
    assert_secret_is_kept(trouble.value)


@pytest.mark.parametrize("step", [hang(), hang(token()[:60]), drop(), drop(rst=True)])
async def test_an_endpoint_that_does_not_answer_is_trouble(step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    async with RawServer(step) as server, open_client() as connections:
        with pytest.raises(TokenTrouble) as trouble:
            await tokens_of(connections, server.url).get()
    assert_secret_is_kept(trouble.value)


async def test_trouble_is_over_when_it_is_over() -> None:
    async with RawServer(reply(http(500)), reply(token())) as server, open_client() as connections:
        tokens = tokens_of(connections, server.url)
        with pytest.raises(TokenTrouble):
            await tokens.get()
        assert await tokens.get() == "t1"


# -- secrets --------------------------------------------------------------------------------------------


def assert_secret_is_kept(error: BaseException) -> None:
    """Neither the secret nor what it travels as is in anything that a traceback would show."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    for canary in (CANARY, "bXktY2xpZW50OmM0bjRyeS1zM2NyM3Q"):
        assert canary not in shown


@pytest.mark.parametrize("credentials", [SECRET, StaticCredentials(CANARY), KeyCredentials("c", "k", CANARY)])
def test_credentials_do_not_show_their_secret(credentials: Credentials) -> None:
    assert CANARY not in repr(credentials) + str(credentials)
