"""Access tokens, and POST /oauth/token in the shape of OAuth 2.0 (RFC 6749, RFC 7523).

Two ways in, as the Talkdesk reference describes them: client id and secret by HTTP Basic (cc-basic), or a signed
assertion, private_key_jwt (cc-jwt). Errors are ``{"error", "error_description"}``, not the envelope of the API.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import jwt
from aiohttp import web

from importer.sandbox.answers import ApiError, json_response

if TYPE_CHECKING:
    from importer.sandbox.options import SandboxOptions

TOKEN_PATH = "/oauth/token"
_FORM = "application/x-www-form-urlencoded"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REQUIRED_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "jti"]


class OAuthError(ApiError):
    """The token request is refused, in the form of OAuth."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(status)
        self.content = {"error": error, "error_description": description}

    def response(self, path: str) -> web.Response:
        """The answer."""
        response = json_response(self.status, self.content)
        if self.status == 401:
            response.headers["WWW-Authenticate"] = "Basic"
        return response


class Tokens:
    """POST /oauth/token for the one client of the account, who is also the issuer and subject of its assertions.

    Tokens expire on the monotonic clock. The static token of the options never does, and carries every granted scope.
    """

    def __init__(self, options: SandboxOptions, client_secret: str) -> None:
        self._options = options
        self._client_secret = client_secret
        self._issued: dict[str, tuple[float, frozenset[str]]] = {}

    def scopes_of(self, authorization: str) -> frozenset[str] | None:
        """The scopes behind an Authorization header, or None if it carries no valid Bearer token."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        if self._options.static_token is not None and token == self._options.static_token:
            return frozenset(self._options.scopes)
        expires, scopes = self._issued.get(token, (0.0, frozenset()))
        return scopes if time.monotonic() < expires else None

    def expire_all(self) -> None:
        """End every issued token now; the static one has no end."""
        self._issued.clear()

    async def answer(self, request: web.Request) -> web.Response:
        """Issue a token, or raise the OAuthError that says why not."""
        scopes = self._granted(await _form(request), request)
        token, now, life = secrets.token_urlsafe(32), time.monotonic(), self._options.token_life
        self._issued = {each: entry for each, entry in self._issued.items() if entry[0] > now}
        self._issued[token] = (now + life, frozenset(scopes))
        content = {"access_token": token, "token_type": "Bearer", "expires_in": int(life), "scope": " ".join(scopes)}
        response = json_response(200, content)
        response.headers.update({"Cache-Control": "no-store", "Pragma": "no-cache"})
        return response

    def _granted(self, form: Mapping[str, str], request: web.Request) -> list[str]:
        """What is asked for and granted, in the order asked; all that is granted if nothing is asked for."""
        authorization = request.headers.get("Authorization")
        if "client_assertion" in form or "client_assertion_type" in form:
            if authorization is not None:
                raise OAuthError("invalid_request", "Give either an Authorization header or an assertion, not both")
            self._check_assertion(form, audience=str(request.url.with_query(None)))
        else:
            self._check_basic(authorization or "")
        granted = self._options.scopes
        scopes = [scope for scope in dict.fromkeys(form.get("scope", "").split() or granted) if scope in granted]
        if not scopes:
            raise OAuthError("invalid_scope", "None of these scopes is granted to this client")
        return scopes

    def _check_basic(self, authorization: str) -> None:
        scheme, _, given = authorization.partition(" ")
        known = base64.b64encode(f"{self._options.client_id}:{self._client_secret}".encode())
        if scheme.lower() != "basic" or not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), known):
            raise OAuthError("invalid_client", "Unknown client or wrong secret", status=401)

    def _check_assertion(self, form: Mapping[str, str], audience: str) -> None:
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            raise OAuthError("invalid_request", f"client_assertion_type must be {_ASSERTION_TYPE}")
        assertion, keys = form.get("client_assertion", ""), self._options.public_keys
        try:
            key = keys.get(jwt.get_unverified_header(assertion).get("kid", ""), "")
            claims = jwt.decode(
                assertion, key, algorithms=["ES256"], audience=audience, options={"require": _REQUIRED_CLAIMS}
            )
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError) as problem:
            raise OAuthError("invalid_client", f"Assertion refused: {problem}", status=401) from problem
        if claims["iss"] != claims["sub"] or claims["sub"] != self._options.client_id:
            raise OAuthError("invalid_client", "iss and sub must both be the client id", status=401)


async def _form(request: web.Request) -> Mapping[str, str]:
    if request.content_type != _FORM:
        raise OAuthError("invalid_request", f"Content-Type must be {_FORM}")
    try:
        form = await request.post()
    except (ValueError, LookupError, web.HTTPException) as problem:  # bytes, charset or number of parameters
        raise OAuthError("invalid_request", "The body is not a form") from problem
    if len(form) != len(set(form)):
        raise OAuthError("invalid_request", "A parameter is given twice")
    if not form.get("grant_type"):
        raise OAuthError("invalid_request", "Missing grant type")
    if form["grant_type"] != "client_credentials":
        raise OAuthError("unsupported_grant_type", "Only client_credentials is known here")
    if "token_type" in form:
        raise OAuthError("invalid_request", "Service tokens (token_type) are not supported for the Case API")
    return {name: str(value) for name, value in form.items()}
