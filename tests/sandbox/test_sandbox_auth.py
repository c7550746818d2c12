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

from importer.sandbox.auth import ALL_SCOPES

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = {"grant_type": "client_credentials"}


def basic(user="sandbox-client", password="sandbox-secret"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def assertion(sandbox, *, key=None, algorithm="ES256", kid="key-1", **claims):
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
    key = key or ec.generate_private_key(ec.SECP256R1())
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
        (b"grant_type=%ff", {"Authorization": basic()}, 400, "invalid_request"),
        (b"\xff\xfe", {"Authorization": basic()}, 400, "invalid_request"),
        (FORM, {"Authorization": basic(), "Content-Type": "application/json"}, 400, "invalid_request"),
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


def test_an_assertion_of_the_right_form_is_taken_when_no_key_is_registered(live):
    reply = by_assertion(live, assertion(live.sandbox))
    assert (reply.status, reply.json["token_type"]) == (200, "Bearer")


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
def test_an_assertion_with_a_wrong_claim_is_refused(live, wrong):
    reply = by_assertion(live, assertion(live.sandbox, **wrong))
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


def test_an_assertion_must_be_signed_with_es256_in_raw_form(live):
    shared = assertion(live.sandbox, key="a shared secret that is long enough", algorithm="HS256")
    der_like = assertion(live.sandbox)[:-1]
    unsigned = assertion(live.sandbox).rpartition(".")[0] + "."
    for text in (shared, der_like, unsigned, "", "a.b.c", "é"):
        assert by_assertion(live, text).status == 401, text


def test_a_deeply_nested_assertion_is_refused_like_any_other(live):
    nested = base64.urlsafe_b64encode(b"[" * 100_000).rstrip(b"=").decode()
    assert by_assertion(live, f"{nested}.{nested}.{'A' * 86}").status == 401


def test_a_registered_key_is_really_verified(open_sandbox):
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    live = open_sandbox(public_keys={"key-1": pem})
    assert by_assertion(live, assertion(live.sandbox, key=key)).status == 200
    assert by_assertion(live, assertion(live.sandbox, key=other)).status == 401
    assert by_assertion(live, assertion(live.sandbox, key=key, kid="key-2")).status == 401
    tampered = assertion(live.sandbox, key=key).split(".")
    tampered[1] = base64.urlsafe_b64encode(json.dumps({"iss": "x"}).encode()).rstrip(b"=").decode()
    assert by_assertion(live, ".".join(tampered)).status == 401
