"""Access tokens: fetched once for all workers, renewed early, read anew when the server refuses them.

Source: Talkdesk documentation, "Client credentials" (Basic and ``private_key_jwt``); tokens of this grant live ten
minutes and come without a refresh token. Token errors have the OAuth form ``{error, error_description}``.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from yarl import URL

from importer.errors import TargetError
from importer.talkdesk.answers import Answer, NoAnswer, NotSent, clean
from importer.talkdesk.client import HttpClient

#: Without it no case can be created. The request names no scopes, so that it gets all that the client has.
WRITE_SCOPE = "cases-public:write"
#: Without it no case can be looked up, so an unknown outcome cannot be settled.
READ_SCOPE = "cases-public:read"
_RENEW_EARLY = 60.0
_ASSERTION_LIFE = 300  # seconds, Talkdesk documentation, "Signed JWT"


@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """A ready token (CASE_IMPORTER_TOKEN)."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretCredentials:
    """Client id and secret, sent as HTTP Basic."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyCredentials:
    """Client id and private key (PEM text), sent as a signed assertion (ES256)."""

    client_id: str
    key_id: str
    private_key: str = field(repr=False)


Credentials = StaticCredentials | SecretCredentials | KeyCredentials


class TokenTrouble(Exception):
    """No token can be had at the moment; says nothing about any row."""


class Tokens:
    """Hands out the current token and renews it, one request at a time however many workers wait.

    Args:
        http: The session to use.
        token_url: Address of the token endpoint.
        credentials: Called for every renewal, so that a rotated secret is picked up.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        token_url: str,
        credentials: Callable[[], Credentials],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._token_url = token_url
        self._credentials = credentials
        self._clock = clock
        self._lock = asyncio.Lock()
        self._header: str | None = None
        self._renew_at = 0.0
        self._trouble: TokenTrouble | None = None
        self.renewals = 0
        #: What the current token may do; None if the server did not say.
        self.scopes: frozenset[str] | None = None

    async def authorization(self) -> str:
        """The Authorization header's value.

        Raises:
            TargetError: the credentials are refused, or lack the right to create cases.
            TokenTrouble: the token endpoint is not answering.
        """
        if self._is_stale():
            renewals = self.renewals
            async with self._lock:
                if self.renewals != renewals and self._trouble is not None:
                    raise TokenTrouble(str(self._trouble))  # it failed while we waited: do not storm it
                if self._is_stale():
                    await self._renew_or_note()
        assert self._header is not None
        return self._header

    def _is_stale(self) -> bool:
        return self._header is None or self._clock() >= self._renew_at

    async def _renew_or_note(self) -> None:
        self._trouble = None
        try:
            await self._renew()
        except TokenTrouble as trouble:
            self._trouble = trouble
            raise

    def refused(self, header: str) -> bool:
        """Note that the API did not accept ``header``; the next caller gets a new one.

        Returns:
            Whether that is news: many requests may have been under way with one token.
        """
        is_news = header == self._header
        if is_news:
            self._header = None
        return is_news

    async def _renew(self) -> None:
        credentials = self._credentials()
        self.renewals += 1
        if isinstance(credentials, StaticCredentials):
            self._header, self._renew_at = f"Bearer {credentials.token}", float("inf")
            return
        headers, form = token_request(credentials, self._token_url)
        asked_at = self._clock()
        try:
            answer = await self._http.exchange(
                "POST", URL(self._token_url), headers=headers, body=urlencode(form, quote_via=quote).encode()
            )
        except NotSent as error:
            if error.fatal:
                raise TargetError(error.message, where=self._token_url, hint=error.hint or "check --auth-url") from None
            raise TokenTrouble(error.message) from None
        except NoAnswer as error:
            raise TokenTrouble(error.message) from None
        token, life = read_token(answer, self._token_url)
        self.scopes = granted_scopes(answer)
        self._header = f"Bearer {token}"
        self._renew_at = asked_at + life - min(_RENEW_EARLY, 0.2 * life)


def token_request(
    credentials: SecretCredentials | KeyCredentials, token_url: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and form of a client-credentials request."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    form = {"grant_type": "client_credentials"}
    if isinstance(credentials, SecretCredentials):
        pair = f"{credentials.client_id}:{credentials.client_secret}".encode()
        headers["Authorization"] = "Basic " + b64encode(pair).decode()
    else:
        form["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        form["client_assertion"] = signed_assertion(credentials, token_url)
    return headers, form


def signed_assertion(credentials: KeyCredentials, token_url: str) -> str:
    """The JWT that proves who we are (Talkdesk documentation, "Signed JWT")."""
    import jwt  # and a library of ciphers with it, which only this kind of credentials needs

    now = int(time.time())
    claims = {
        "jti": str(uuid.uuid4()),
        "iss": credentials.client_id,
        "sub": credentials.client_id,
        "aud": token_url,
        "iat": now,
        "exp": now + _ASSERTION_LIFE,
    }
    try:
        return jwt.encode(claims, credentials.private_key, algorithm="ES256", headers={"kid": credentials.key_id})
    except (ValueError, TypeError, jwt.PyJWTError):
        raise TargetError(
            "the private key cannot be used", hint="it must be an EC key (P-256) in PEM or in base64 PKCS#8 form"
        ) from None


def read_token(answer: Answer, token_url: str) -> tuple[str, float]:
    """Token and its life in seconds.

    Raises:
        TargetError: refused, or without the right to create cases.
        TokenTrouble: anything that may pass.
    """
    content = answer.json()
    content = content if isinstance(content, dict) else {}
    if answer.status in (400, 401, 403) and content.get("error"):
        reason = clean(f"{content['error']}: {content.get('error_description', '')}".rstrip(": "))
        raise TargetError(
            f"the credentials were refused ({reason})",
            where=token_url,
            hint="check client id, secret or key, the account name and the region",
        )
    if answer.status in (301, 302, 303, 307, 308, 404, 405):
        raise TargetError(
            f"this is not a token endpoint (HTTP {answer.status})",
            where=token_url,
            hint="check the account name and the region, or --auth-url",
        )
    token = content.get("access_token")
    if answer.status != 200 or not isinstance(token, str) or not token.isprintable() or not token.isascii():
        raise TokenTrouble(f"the token endpoint answered HTTP {answer.status} without a token")
    scopes = granted_scopes(answer)
    if scopes is not None and WRITE_SCOPE not in scopes:
        raise TargetError(
            f"the OAuth client lacks the scope {WRITE_SCOPE}, so it cannot create cases",
            where=token_url,
            hint="add the scope to the OAuth client in Talkdesk Builder",
        )
    life = content.get("expires_in")
    return token, float(life) if isinstance(life, int | float) and life > 0 else 60.0


def granted_scopes(answer: Answer) -> frozenset[str] | None:
    """What a token may do, as the token endpoint says; None if it says nothing."""
    content = answer.json()
    scope = content.get("scope") if isinstance(content, dict) else None
    return frozenset(scope.split()) if isinstance(scope, str) and scope.strip() else None
