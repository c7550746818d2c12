"""Access tokens: fetched once for all workers, renewed early, and again when the API refuses them.

Source: Talkdesk documentation, "Client credentials" (Basic and ``private_key_jwt``); tokens of this grant live ten
minutes and come without a refresh token. Token errors have the OAuth form ``{error, error_description}``.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated
from urllib.parse import quote, urlencode

from pydantic import BaseModel, Field, ValidationError

from importer.errors import TargetError
from importer.talkdesk.credentials import Credentials, KeyCredentials, SecretCredentials, StaticCredentials
from importer.talkdesk.shown import OrAbsent, ServerText
from importer.talkdesk.transport import Answer, NotSent, Transport, TransportError
from importer.text.safe import clean

#: Without it no case can be created. The request names no scopes, so that it gets all that the client has.
WRITE_SCOPE = "cases-public:write"
#: Without it no case can be searched for, so an unknown outcome cannot be settled.
READ_SCOPE = "cases-public:read"
_RENEW_EARLY = 60.0
_DEFAULT_LIFE = 60.0
#: A token is not taken for one that has run out sooner: where they live shorter than a turn takes, the API says so.
_SHORTEST_LIFE = 30.0
_ASSERTION_LIFE = 300  # seconds, Talkdesk documentation, "Signed JWT"


class TokenTrouble(Exception):
    """There is no token at the moment; says nothing about any row."""


class TokenAnswer(BaseModel):
    """The answer of a token endpoint; ``expires_in`` is in seconds."""

    access_token: Annotated[str, Field(pattern=r"^[ -~]+\z")]  #: visible ASCII, as everything in a header must be
    expires_in: OrAbsent[float] = None
    scope: OrAbsent[str] = None

    @property
    def scopes(self) -> frozenset[str] | None:
        """What it allows; None if the endpoint does not say."""
        return frozenset(self.scope.split()) if self.scope and self.scope.strip() else None


class _TokenRefusal(BaseModel):
    error: Annotated[ServerText, Field(min_length=1)]
    error_description: ServerText = ""


class Tokens:
    """Hands out the current token and renews it, one request at a time however many workers wait.

    Args:
        token_url: Address of the token endpoint; empty if a ready token is used.
        credentials: Called for every renewal, so that a rotated secret is picked up.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        token_url: str,
        credentials: Callable[[], Credentials],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._token_url = token_url
        self._credentials = credentials
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._renew_at = self._good_until = 0.0
        self._trouble: TokenTrouble | None = None
        self.scopes: frozenset[str] | None = None  #: Of the current token; None if the endpoint does not say.
        self.renewals = 0  #: How often a token was asked for.

    async def get(self) -> str:
        """The token to use.

        Raises:
            TargetError: the credentials are refused, or lack the right to create cases.
            TokenTrouble: the token endpoint is not answering.
        """
        if self._token is None or self._clock() >= self._renew_at:
            await self._renew_once(self.renewals)
        assert self._token is not None
        return self._token

    @property
    def current(self) -> str | None:
        """The token as it is; None if it was rejected or has run out, and :meth:`get` must be waited for."""
        return self._token if self._clock() < self._good_until else None

    def reject(self, token: str) -> bool:
        """Note that the API did not accept ``token``; the next caller gets a new one.

        Returns:
            Whether that is news: many requests may have been under way with one token.
        """
        if token != self._token:
            return False
        self._token = None
        return True

    async def _renew_once(self, renewals: int) -> None:
        """Renew the token, unless somebody did while we waited for our turn."""
        async with self._lock:
            if self.renewals != renewals and self._trouble is not None:
                raise TokenTrouble(str(self._trouble))  # it failed while we waited: do not storm it
            if self._token is not None and self._clock() < self._renew_at:
                return
            self._trouble = None
            self.renewals += 1
            try:
                await self._renew(self._credentials())
            except TokenTrouble as trouble:
                self._trouble = trouble
                raise

    async def _renew(self, credentials: Credentials) -> None:
        if isinstance(credentials, StaticCredentials):
            self._transport.keep_secret(credentials.token)
            self._token = credentials.token
            self._renew_at = self._good_until = float("inf")
            return
        headers, form = self._proof(credentials)
        asked_at = self._clock()
        try:
            answer = await self._transport.request(
                "POST", self._token_url, headers=headers, body=urlencode(form, quote_via=quote).encode()
            )
        except TransportError as error:
            if isinstance(error, NotSent) and error.stops is not None:
                raise error.stops from None
            raise TokenTrouble(error.message) from None
        granted = read_token(answer, self._token_url)
        self._transport.keep_secret(granted.access_token)
        self._token, self.scopes = granted.access_token, granted.scopes
        life = granted.expires_in if granted.expires_in and granted.expires_in > 0 else _DEFAULT_LIFE
        self._renew_at = asked_at + life - min(_RENEW_EARLY, 0.2 * life)
        self._good_until = asked_at + max(life, _SHORTEST_LIFE)

    def _proof(self, credentials: SecretCredentials | KeyCredentials) -> tuple[dict[str, str], dict[str, str]]:
        """Headers and form of a client-credentials request; no message repeats the secrets in them from now on."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        form = {"grant_type": "client_credentials"}
        if isinstance(credentials, SecretCredentials):
            basic = b64encode(f"{credentials.client_id}:{credentials.client_secret}".encode()).decode()
            headers["Authorization"] = f"Basic {basic}"
            self._transport.keep_secret(credentials.client_secret, basic)
        else:
            form["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            form["client_assertion"] = signed_assertion(credentials, self._token_url)
            # of the key each line, and all of them in one, as Talkdesk shows it
            lines = [line for line in credentials.private_key.splitlines() if not line.startswith("-----")]
            self._transport.keep_secret(*lines, "".join(lines), form["client_assertion"])
        return headers, form


def signed_assertion(credentials: KeyCredentials, token_url: str) -> str:
    """The JWT that proves who we are (Talkdesk documentation, "Signed JWT")."""
    # only this kind of credentials needs them
    import jwt
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    now = int(time.time())
    claims = {"jti": str(uuid.uuid4()), "aud": token_url, "iat": now, "exp": now + _ASSERTION_LIFE}
    claims |= {"iss": credentials.client_id, "sub": credentials.client_id}
    try:
        key = load_pem_private_key(credentials.private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        hint = "it must be an EC key (P-256) in PEM or in base64 PKCS#8 form"
        raise TargetError("unusable private key", hint=hint)
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": credentials.key_id})


def read_token(answer: Answer, token_url: str) -> TokenAnswer:
    """The token in an answer.

    Raises:
        TargetError: refused, or without the right to create cases.
        TokenTrouble: anything that may pass.
    """
    if answer.status in (400, 401, 403):
        with suppress(ValidationError):  # then it is not the endpoint that refuses, but something before it
            refusal = _TokenRefusal.model_validate_json(answer.body, context=answer.secrets)
            what = clean(f"{refusal.error}: {refusal.error_description}".rstrip(": "))
            hint = "check the client id, its secret or key, the account name and the region"
            raise TargetError(f"credentials rejected ({what})", where=token_url, hint=hint)
    if answer.status in (301, 302, 303, 307, 308, 404, 405):
        hint = "check the account name and the region, or --auth-url"
        raise TargetError(f"not a token endpoint (HTTP {answer.status})", where=token_url, hint=hint)
    try:
        granted = TokenAnswer.model_validate_json(answer.body if answer.status == 200 else b"")
    except ValidationError:
        raise TokenTrouble(f"the token endpoint answered HTTP {answer.status}, but returned no token") from None
    if granted.scopes is not None and WRITE_SCOPE not in granted.scopes:
        what = f"the OAuth client lacks the scope {WRITE_SCOPE}, so it cannot create cases"
        hint = "add the scope to the OAuth client in Talkdesk Builder"
        raise TargetError(what, where=token_url, hint=hint)
    return granted
