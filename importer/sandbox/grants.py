"""POST /oauth/token: who may have a token, and the answer in the shape of OAuth 2.0 (RFC 6749, RFC 7523).

Two ways in, as the Talkdesk reference describes them: client id and secret by HTTP Basic (cc-basic), or a signed
assertion, private_key_jwt (cc-jwt). Errors are ``{"error", "error_description"}``, not the envelope of the API.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import jwt

from importer.sandbox.answers import Answer, json_answer
from importer.sandbox.calls import Call
from importer.sandbox.tokens import Tokens

TOKEN_PATH = "/oauth/token"
FORM = "application/x-www-form-urlencoded"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLAIMS = ("iss", "sub", "aud", "exp", "iat", "jti")
_ES256_SIGNATURE_BYTES = 64
_MOST_FIELDS = 100


class OAuthError(Exception):
    """The token request is refused."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status

    def answer(self) -> Answer:
        """The refusal as the token endpoint words it."""
        answer = json_answer(self.status, {"error": self.error, "error_description": self.description})
        return answer.adding({"WWW-Authenticate": "Basic"}) if self.status == 401 else answer


class Clients:
    """The one client of the account, and the two ways in which it proves itself.

    Args:
        client_id: Its id, also the issuer and subject of its assertions.
        client_secret: Its secret.
        public_keys: Key id → public key (PEM). Empty means lenient: the signature of an assertion must have the form
            of ES256 but is not verified, because nobody has registered a key here.
    """

    def __init__(self, *, client_id: str, client_secret: str, public_keys: Mapping[str, str]) -> None:
        self._id = client_id
        self._secret = client_secret
        self._keys = public_keys

    def check(self, form: Mapping[str, str], *, authorization: str | None, audience: str) -> None:
        """Let the request pass, or raise OAuthError."""
        by_assertion = "client_assertion" in form or "client_assertion_type" in form
        if authorization is not None and by_assertion:
            raise OAuthError("invalid_request", "Give either an Authorization header or an assertion, not both")
        if by_assertion:
            self._check_assertion(form, audience)
        else:
            self._check_basic(authorization or "")

    def _check_basic(self, authorization: str) -> None:
        user, password = _basic(authorization)
        right = hmac.compare_digest(user.encode(), self._id.encode())
        right &= hmac.compare_digest(password.encode(), self._secret.encode())
        if not right:
            raise OAuthError("invalid_client", "Unknown client or wrong secret", status=401)

    def _check_assertion(self, form: Mapping[str, str], audience: str) -> None:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}")
        try:
            claims = self._claims(form.get("client_assertion", ""), audience)
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError) as problem:
            raise OAuthError("invalid_client", f"Assertion refused: {problem}", status=401) from problem
        if claims["iss"] != claims["sub"] or claims["sub"] != self._id:
            raise OAuthError("invalid_client", "iss and sub must both be the client id", status=401)

    def _claims(self, assertion: str, audience: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(assertion)
        if header.get("alg") != "ES256" or not header.get("kid"):
            raise ValueError("its header must name alg ES256 and a kid")
        if self._keys and header["kid"] not in self._keys:
            raise ValueError("its kid is not registered")
        if len(_decoded(assertion.rpartition(".")[2])) != _ES256_SIGNATURE_BYTES:
            raise ValueError("its signature is not in the raw form of 64 bytes")
        return jwt.decode(
            assertion,
            key=self._keys.get(header["kid"], ""),
            algorithms=["ES256"],
            audience=audience,
            options={
                "require": list(_CLAIMS),
                "verify_signature": bool(self._keys),
                "verify_exp": True,
                "verify_aud": True,
                "verify_iat": True,
            },
        )


class TokenEndpoint:
    """The whole token request: form in, token or OAuth error out."""

    def __init__(self, *, clients: Clients, tokens: Tokens) -> None:
        self._clients = clients
        self._tokens = tokens

    async def token(self, call: Call) -> Answer:
        """POST /oauth/token: issue a token, or say in OAuth's own shape why not."""
        try:
            form = _form(call)
            self._clients.check(form, authorization=call.authorization, audience=call.origin + TOKEN_PATH)
            scopes = _scopes(form.get("scope", ""), self._tokens.granted)
        except OAuthError as refused:
            return refused.answer()
        content = {
            "access_token": self._tokens.issue(scopes),
            "token_type": "Bearer",
            "expires_in": int(self._tokens.life),
            "scope": " ".join(scopes),
        }
        return json_answer(200, content).adding({"Cache-Control": "no-store", "Pragma": "no-cache"})


def _form(call: Call) -> dict[str, str]:
    if call.content_type != FORM:
        raise OAuthError("invalid_request", f"Content-Type must be {FORM}")
    try:
        text = call.body.decode("ascii")
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as problem:
        raise OAuthError("invalid_request", "The body is not a form") from problem
    if any(len(values) > 1 for values in fields.values()):
        raise OAuthError("invalid_request", "A parameter is given twice")
    form = {name: values[0] for name, values in fields.items()}
    _check_grant(form)
    return form


def _check_grant(form: Mapping[str, str]) -> None:
    grant = form.get("grant_type", "")
    if not grant:
        raise OAuthError("invalid_request", "Missing grant type")
    if grant in ("authorization_code", "refresh_token"):
        raise OAuthError("invalid_grant", f"This sandbox has issued nothing for {grant}")
    if grant != "client_credentials":
        raise OAuthError("unsupported_grant_type", "Only client_credentials is known here")
    if "token_type" in form:
        raise OAuthError("invalid_request", "Service tokens (token_type) are not supported for the Case API")


def _scopes(asked: str, granted: tuple[str, ...]) -> tuple[str, ...]:
    """What is asked for and granted, in the order asked; all that is granted if nothing is asked for."""
    if not asked.strip():
        return granted
    scopes = tuple(scope for scope in dict.fromkeys(asked.split()) if scope in granted)
    if not scopes:
        raise OAuthError("invalid_scope", "None of these scopes is granted to this client")
    return scopes


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


def _decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
