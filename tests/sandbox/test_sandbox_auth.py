from __future__ import annotations

import base64
import json
import time
import uuid

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from naming import short
from sandbox_client import CASES, PATIENCE_S

from importer.sandbox.options import ALL_SCOPES

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = {"grant_type": "client_credentials"}
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def keyed(open_sandbox):
    """A sandbox that knows the key of the client."""
    return open_sandbox(public_keys={"key-1": PEM.decode()})


def basic(user="sandbox-client", password="sandbox-secret"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def assertion(sandbox, *, key=KEY, algorithm="ES256", kid="key-1", **claims):
    now = int(time.time())
    standard = {
        "iss": sandbox.client_id,
        "sub": sandbox.client_id,
        "aud": sandbox.token_url,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 300,
    }
    kept = {name: value for name, value in (standard | claims).items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


def by_assertion(live, text):
    return live.token(FORM | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text})


def test_basic_credentials_buy_a_token_that_opens_the_api(live):
    reply = live.token(FORM, Authorization=basic())
    assert (reply.status, reply.json["token_type"], reply.json["expires_in"]) == (200, "Bearer", 599)
    assert reply.json["scope"].split() == list(ALL_SCOPES)
    bearer = {"Authorization": f"Bearer {reply.json['access_token']}"}
    assert live.request("GET", CASES, headers=bearer).status == 200


def test_the_scopes_asked_for_are_echoed_and_enforced(live):
    reply = live.token(FORM | {"scope": "users:read cases-public:read"}, Authorization=basic())
    assert reply.json["scope"] == "users:read cases-public:read"
    bearer = {"Authorization": f"Bearer {reply.json['access_token']}"}
    assert live.request("GET", CASES, headers=bearer).status == 200
    refused = live.request("POST", CASES, {"title": "t", "description": "d"}, headers=bearer)
    assert (refused.status, refused.json) == (403, {"code": "1520007", "message": "Forbidden."})
    assert live.truth() == []


def test_a_client_gets_no_more_than_it_is_granted(open_sandbox):
    live = open_sandbox(scopes=("cases-public:read",))
    asked = {"scope": "cases-public:read cases-public:write"}
    assert live.token(FORM | asked, Authorization=basic()).json["scope"] == "cases-public:read"
    refused = live.token(FORM | {"scope": "cases-public:write"}, Authorization=basic())
    assert (refused.status, refused.json["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("form", "headers", "status", "error"),
    [
        (FORM, {}, 401, "invalid_client"),
        (FORM, {"Authorization": basic(password="wrong")}, 401, "invalid_client"),
        (FORM, {"Authorization": basic(user="other")}, 401, "invalid_client"),
        (FORM, {"Authorization": "Basic %%%"}, 401, "invalid_client"),
        (FORM, {"Authorization": "Bearer static-test-token"}, 401, "invalid_client"),
        ({}, {"Authorization": basic()}, 400, "invalid_request"),
        ({"grant_type": "password"}, {"Authorization": basic()}, 400, "unsupported_grant_type"),
        (FORM | {"token_type": "opaque"}, {"Authorization": basic()}, 400, "invalid_request"),
        (FORM | {"client_assertion_type": "x", "client_assertion": "y"}, {}, 400, "invalid_request"),
        (FORM | {"client_assertion": "y"}, {"Authorization": basic()}, 400, "invalid_request"),
        (b"grant_type=client_credentials&grant_type=x", {"Authorization": basic()}, 400, "invalid_request"),
        (b"grant_type=%ff", {"Authorization": basic()}, 400, "unsupported_grant_type"),
        (b"\xff\xfe", {"Authorization": basic()}, 400, "invalid_request"),
        (b"a=b&" * 2000, {"Authorization": basic()}, 400, "invalid_request"),
        (FORM, {"Authorization": basic(), "Content-Type": "application/json"}, 400, "invalid_request"),
        (FORM, {"Content-Type": "application/x-www-form-urlencoded; charset=x"}, 400, "invalid_request"),
    ],
)
def test_refusals_have_the_shape_of_oauth(live, form, headers, status, error):
    reply = live.token(form, **headers)
    assert (reply.status, reply.json["error"]) == (status, error)
    assert set(reply.json) == {"error", "error_description"}


def test_a_token_really_expires(open_sandbox):
    live = open_sandbox(token_life=0.3)
    reply = live.token(FORM, Authorization=basic())
    bearer = {"Authorization": f"Bearer {reply.json['access_token']}"}
    assert live.request("GET", CASES, headers=bearer).status == 200
    deadline = time.monotonic() + PATIENCE_S
    while (refused := live.request("GET", CASES, headers=bearer)).status == 200 and time.monotonic() < deadline:
        pass
    assert (refused.status, refused.json) == (401, {"code": "1520006", "message": "Unauthorized."})


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic static-test-token", "static-test-token"]
)
def test_only_a_known_bearer_token_opens_the_api(live, header):
    assert live.request("GET", CASES, headers={"Authorization": header}).status == 401


def test_an_assertion_of_a_registered_key_buys_a_token(keyed, live):
    reply = by_assertion(keyed, assertion(keyed.sandbox))
    assert (reply.status, reply.json["token_type"]) == (200, "Bearer")
    assert by_assertion(live, assertion(live.sandbox)).status == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "https://account.talkdeskid.com/oauth/token"},
        {"iss": "somebody-else"},
        {"sub": "somebody-else"},
        {"iss": "other", "sub": "other"},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"jti": None},
        {"iat": None},
        {"exp": "soon"},
        {"kid": None},
    ],
    ids=short,
)
def test_an_assertion_with_a_wrong_claim_is_refused(keyed, wrong):
    reply = by_assertion(keyed, assertion(keyed.sandbox, **wrong))
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


def test_an_assertion_must_be_signed_with_es256_by_that_key(keyed):
    signed = assertion(keyed.sandbox)
    head, claims, signature = signed.split(".")
    tampered = base64.urlsafe_b64encode(json.dumps({"iss": "x"}).encode()).rstrip(b"=").decode()
    for text in (
        assertion(keyed.sandbox, key="a shared secret that is long enough", algorithm="HS256"),
        assertion(keyed.sandbox, key=ec.generate_private_key(ec.SECP256R1())),
        assertion(keyed.sandbox, kid="key-2"),
        f"{head}.{tampered}.{signature}",
        f"{head}.{claims}.",
        signed[:-1],
        "",
        "a.b.c",
        "é",
    ):
        assert by_assertion(keyed, text).status == 401, text


def test_a_deeply_nested_assertion_is_refused_like_any_other(keyed):
    nested = base64.urlsafe_b64encode(b"[" * 100_000).rstrip(b"=").decode()
    assert by_assertion(keyed, f"{nested}.{nested}.{'A' * 86}").status == 401
