"""All settings of a run, validated at once. Where they are read from is in :mod:`importer.settings.loading`.

Secrets come from the environment or a file, never from the command line, but for the password of a proxy, which may
be a part of its address; no text form of a setting shows them.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from importer.errors import ConfigError
from importer.files.small import read_small_file
from importer.models import SettleDelay
from importer.talkdesk.addresses import Proxy, endpoints, is_loopback, read_proxy, url_problem
from importer.talkdesk.credentials import Credentials, KeyCredentials, SecretCredentials, StaticCredentials
from importer.text.wording import nearest

#: Requests a second for a real account until the user says otherwise: Talkdesk publishes no limit for cases.
CAREFUL_RATE = 5.0
#: Up to this rate nobody notices what a fresh connection for each request costs, and none can be shared.
FRESH_UP_TO = 200.0

#: Requests at once on this machine. With half as many, all of them wait for the ledger's disk at times.
_LOCAL_WORKERS = 128

#: Those of them that are files, and all settings to authenticate with; none has a flag.
SECRET_FILES = ("client_secret_file", "token_file", "client_id_file", "private_key_file")
CREDENTIALS = ("client_secret", "token", "client_id", "key_id", *SECRET_FILES)
ENVIRONMENT_PREFIX = "CASE_IMPORTER_"

_EVERYWHERE = "docs/operating.md lists all settings; case-importer run --help lists the flags"


def variable_of(name: str) -> str:
    """The variable of the environment for a setting."""
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


_NOT_A_TOKEN = f"{variable_of('token')} is not a token: it contains spaces, line breaks or non-ASCII characters"


class Problem(NamedTuple):
    """Something that is wrong with settings, and what to do about it if that is special."""

    what: str
    hint: str = ""


class Target(NamedTuple):
    """Where cases are created."""

    name: str  #: what the ledger is pinned to and what messages say
    api_url: str | None  #: None for the embedded sandbox, whose address is known once it listens
    token_url: str | None  #: None if a ready token is used or the sandbox is embedded
    is_local: bool  #: whether it is on this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where settings came from, for messages about them."""

    file: Path | None = None  #: the settings file that was read
    searched: tuple[Path, ...] = ()  #: folders without a ``.env``
    places: Mapping[str, str] = field(default_factory=dict)  #: by setting: ``" (set in .env)"``
    misspelt: tuple[str, ...] = ()  #: variables that are almost those of a setting, and what they were meant to be
    warnings: tuple[str, ...] = ()


def _share(value: object) -> object:
    """``"20%"`` as 0.2."""
    return float(value[:-1]) / 100 if isinstance(value, str) and re.fullmatch(r"\d{1,2}%", value) else value


def _proxy(value: SecretStr) -> SecretStr:
    read_proxy(value.get_secret_value())
    return value


class Settings(BaseModel):
    """Settings of a run; frozen. A run needs a target: an account, an address, or ``sandbox=True``.

    :func:`importer.load_settings` also reads the environment and a settings file.

    Raises:
        ConfigError: everything that is wrong, in one message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sandbox: bool = False  #: use the embedded sandbox, also if the environment names a target
    api_url: str | None = None  #: base address of the API, such as https://api.example.com
    auth_url: str | None = None  #: address of the token endpoint
    region: Literal["us", "eu", "ca"] | None = None  #: region of the Talkdesk account
    #: account name: the subdomain used at login
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")] | None = None
    #: most requests in any second; "auto" finds the account's limit and stays under it
    rate: Annotated[float, Field(gt=0, le=100_000)] | Literal["auto"] | None = None
    #: share of the rate that is left to live agents, as 0.2 or "20%"
    reserve: Annotated[float, BeforeValidator(_share), Field(ge=0, le=0.9)] = 0.0
    concurrency: Annotated[int, Field(ge=1, le=1024)] | None = None  #: requests at once
    grace: Annotated[float, Field(ge=0, le=600)] = 30.0  #: seconds for running requests after Ctrl-C
    #: seconds after which a case can be searched for whose create brought no answer
    settle_delay: Annotated[float, Field(ge=0, le=86_400)] | None = None
    #: seconds without a first answer after which a run ends, for an address where this ledger has no cases
    connect_for: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    ca_file: Path | None = None  #: CA certificates to trust instead of the system's (PEM)
    #: HTTP proxy on the way to the target: http://host:port or http://user:password@host:port
    proxy: Annotated[SecretStr, AfterValidator(_proxy)] | None = None

    token: SecretStr | None = None
    token_file: Path | None = None  #: file with the token, read again for each new token; so are the other files
    client_id: str | None = None
    client_id_file: Path | None = None
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    private_key_file: Path | None = None
    key_id: str | None = None

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @model_validator(mode="wrap")
    @classmethod
    def _validate(cls, values: Any, handler: ModelWrapValidatorHandler[Settings], info: ValidationInfo) -> Settings:
        origin = info.context if isinstance(info.context, Origin) else Origin()
        try:
            settings = handler(values)
        except ValidationError as error:
            problems = [*_problems_of(error, origin.places)]
        else:
            settings._origin = origin
            problems = [*settings._target_problems(), *settings._credential_problems()]
        if problems:
            whats, hints = (dict.fromkeys(filter(None, texts)) for texts in zip(*problems, strict=True))
            raise ConfigError("; ".join(whats), hint="; ".join(hints) or _EVERYWHERE) from None
        return settings

    def _target_problems(self) -> Iterator[Problem]:
        if self.api_url and self.region:
            yield Problem("use either --region and --account, or --api-url")
        if (self.region is None) != (self.account is None):
            yield Problem("--region and --account must be used together")
        if self.auth_url and not self.api_url:
            yield Problem("--auth-url requires --api-url")
        for flag, url in (("--api-url", self.api_url), ("--auth-url", self.auth_url)):
            if url and (problem := url_problem(url, flag=flag)):
                yield Problem(*problem)
            elif url and self.proxy and not self.sandbox and is_plain(url):
                yield Problem(f"{flag}: plain http works on this machine only and not through --proxy")

    def _credential_problems(self) -> Iterator[Problem]:
        """No credentials at all are not a problem yet."""
        secret = self.client_secret or self.client_secret_file
        if secret and self.private_key_file:
            yield Problem("set either a client secret or a private key, not both")
        for name in ("token", "client_id", "client_secret"):
            if getattr(self, name) and getattr(self, f"{name}_file"):
                yield Problem(f"set either {variable_of(name)} or {variable_of(f'{name}_file')}, not both")
        if (secret or self.private_key_file) and not (self.client_id or self.client_id_file):
            yield Problem(f"{variable_of('client_id')} is missing")
        if self.private_key_file and not self.key_id:
            yield Problem(f"{variable_of('key_id')} is missing")
        if self.token and not _is_token(self.token.get_secret_value()):
            yield Problem(_NOT_A_TOKEN)

    @property
    def has_target(self) -> bool:
        """Whether somebody said where cases go."""
        return self.sandbox or bool(self.region or self.api_url)

    @property
    def target(self) -> Target:
        """Where cases are created.

        Raises:
            ConfigError: nobody said.
        """
        if self.sandbox:
            return Target("sandbox", None, None, True)
        if self.region and self.account:
            api_url, token_url = endpoints(self.region, self.account)
            return Target(f"{api_url} (account {self.account})", api_url, token_url, False)
        if self.api_url:
            base = self.api_url.rstrip("/")
            is_local = is_loopback(base)
            return Target(base, base, self.auth_url or (f"{base}/oauth/token" if is_local else None), is_local)
        searched = " or ".join(f"'{folder}'" for folder in self._origin.searched)
        unread = f", and no .env with settings was found in {searched}" if searched else ""
        hint = "pass --region and --account (credentials in .env or the environment), or --sandbox for a trial"
        raise ConfigError(f"no target is set{unread}", hint="; ".join(self._origin.misspelt) or hint)

    def require_target(self) -> None:
        """Make sure, before anything is read, that cases can be sent: a target, its credentials, the CA file.

        Raises:
            ConfigError: one of them is missing or cannot be used.
        """
        target = self.target
        if self.ca_file is not None:
            from importer.talkdesk.transport import check_ca_file  # and aiohttp, which only a run needs

            check_ca_file(self.ca_file)
        if target.api_url is None:
            return
        credentials = self.credentials()
        if target.token_url is None and not isinstance(credentials, StaticCredentials):
            hint = "pass the account's token endpoint with --auth-url"
            raise ConfigError("--auth-url is missing", hint=hint)

    @property
    def through(self) -> Proxy | None:
        """The proxy on the way to the target; nothing is between here and the embedded sandbox."""
        return None if self.proxy is None or self.target.api_url is None else read_proxy(self.proxy.get_secret_value())

    @property
    def top_rate(self) -> float | None:
        """Requests a second that are never exceeded; None if there is no such promise (``auto``, or this machine)."""
        if self.rate == "auto":
            return None
        return self.rate if self.rate is not None else None if self.target.is_local else CAREFUL_RATE

    @property
    def workers(self) -> int:
        """Requests at once."""
        return self.concurrency or (_LOCAL_WORKERS if self.target.is_local else 8)

    @property
    def delay(self) -> SettleDelay:
        """When a search can be believed: what nobody has measured for a real account is chosen with care."""
        first = self.settle_delay if self.settle_delay is not None else 2.0 if self.target.is_local else 60.0
        return SettleDelay(first, max(0.5, first / 4))

    @property
    def force_close(self) -> bool:
        """Whether each connection serves one request: wherever the price of that goes unnoticed."""
        return not self.target.is_local or (self.top_rate is not None and self.top_rate <= FRESH_UP_TO)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know before the run: misspelt variables, secrets that others can read."""
        return self._origin.warnings

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a result page says about them."""
        return () if self._origin.file is None else (f"settings read from {self._origin.file}",)

    def credentials(self) -> Credentials:
        """What to authenticate with now; files are read again for each new token: a secret may be replaced.

        Raises:
            ConfigError: there is nothing, or a file of it cannot be read.
        """
        client_id = _secret(self.client_id, self.client_id_file, "client_id")
        if client_id and self.private_key_file and self.key_id:
            return KeyCredentials(client_id, self.key_id, _private_key(self.private_key_file))
        secret = _secret(self.client_secret, self.client_secret_file, "client_secret")
        if client_id and secret:
            return SecretCredentials(client_id, secret)
        token = _secret(self.token, self.token_file, "token")
        if token and not _is_token(token):
            raise ConfigError(_NOT_A_TOKEN, where=str(self.token_file))
        if token:
            return StaticCredentials(token)
        hint = (
            f"set {variable_of('client_id')} and {variable_of('client_secret')} in .env or the environment;"
            " docs/operating.md lists the alternatives (private key, token)"
        )
        what = f"missing credentials for {self.target.name}"
        raise ConfigError(what, hint="; ".join(self._origin.misspelt) or hint)


def _secret(value: str | SecretStr | None, path: Path | None, name: str) -> str | None:
    """A secret, or the one line in its file; the line break at the end does not count."""
    if path is None:
        return value.get_secret_value() if isinstance(value, SecretStr) else value
    variable = variable_of(f"{name}_file")
    text = read_small_file(path, what=f"the file of {variable}").strip()
    if not text or not text.isprintable():
        raise ConfigError(f"{variable} must name a file with one line", where=str(path), hint="write only the value")
    return text


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and bool(text)


def _private_key(path: Path) -> str:
    """As PEM text; Talkdesk shows it as base64 PKCS#8 without the PEM lines around it."""
    text = read_small_file(path, what="the private key").strip()
    if text.startswith("-----BEGIN"):
        return text + "\n"
    packed = "".join(text.split())
    try:
        b64decode(packed, validate=True)
    except ValueError:
        hint = "use PEM, or base64 as shown in Talkdesk"
        raise ConfigError("the file is not a private key", where=str(path), hint=hint) from None
    return f"-----BEGIN PRIVATE KEY-----\n{fill(packed, 64)}\n-----END PRIVATE KEY-----\n"


def is_plain(url: str) -> bool:
    """Whether an address is http without TLS."""
    return url.lower().startswith("http:")


#: What a setting accepts, where its type does not say it well enough.
_ACCEPTS = {
    "rate": "a number above 0 and up to 100,000, or auto",
    "reserve": "a share from 0 to 0.9, or a percentage such as 20%",
    "concurrency": "a whole number from 1 to 1,024",
    "grace": "a number of seconds from 0 to 600",
    "settle_delay": "a number of seconds from 0 to 86,400",
    "connect_for": "a number of seconds above 0 and up to 86,400",
    "region": "us, eu or ca",
    "account": "the subdomain you log in with (up to 63 letters, digits and hyphens)",
    "proxy": "http://host:port or http://user:password@host:port (percent-encode special characters: %40 for @)",
    "sandbox": "true or false",
}


def _problems_of(error: ValidationError, places: Mapping[str, str]) -> Iterator[Problem]:
    """Never the value itself: it may be a secret in the wrong place."""
    for problem in error.errors():
        name = ".".join(str(step) for step in problem["loc"][:1])
        place = places.get(name, "")
        if problem["type"] == "extra_forbidden":
            yield Problem(f"unknown setting {name!r}{place}", nearest(name, Settings.model_fields))
        else:
            flag = variable_of(name) if name in ("grace", *CREDENTIALS) else f"--{name.replace('_', '-')}"
            yield Problem(f"{flag} must be {_ACCEPTS.get(name, 'one text')}{place}")
