"""All settings of a run, validated at once: flags over environment over file over defaults.

Secrets come from the environment or a file, never from the command line, but for the password of a proxy, which may
stand in its address; they show up in no text form of a setting.
They are read again whenever a new token is needed, so that a rotated secret is picked up in mid-run.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from importer.delivery.reconcile import Horizon
from importer.errors import ConfigError
from importer.mapping.yaml_nodes import parse, plain
from importer.talkdesk import regions
from importer.talkdesk.auth import Credentials, KeyCredentials, SecretCredentials, StaticCredentials
from importer.talkdesk.proxy import Proxy, read_proxy

ENVIRONMENT_PREFIX = "CASE_IMPORTER_"

#: Requests a second for a real account until the user says otherwise: Talkdesk publishes no limit for cases.
CAREFUL_RATE = 5.0
#: Up to this rate nobody notices what a fresh connection for each request costs, and none can be shared.
FRESH_UP_TO = 200.0

#: Requests at once on this machine. With half as many, all of them wait for the ledger's disk at times.
_LOCAL_WORKERS = 128


class Target(NamedTuple):
    """Where cases are created.

    Attributes:
        name: What the ledger is pinned to and what messages say.
        api_url: Base address; None for the embedded sandbox, whose address is known once it listens.
        token_url: Token endpoint; None if a ready token is used or the sandbox is embedded.
        is_local: Whether it is on this machine.
    """

    name: str
    api_url: str | None
    token_url: str | None
    is_local: bool


def _share(value: object) -> object:
    """``"20%"`` as 0.2."""
    return float(value[:-1]) / 100 if isinstance(value, str) and re.fullmatch(r"\d{1,2}%", value) else value


def _proxy(value: SecretStr) -> SecretStr:
    read_proxy(value.get_secret_value())
    return value


class Settings(BaseModel):
    """Settings of a run; frozen. Without any target the embedded sandbox is used.

    Build it with :func:`load_settings` to have the environment and a file taken into account.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sandbox: bool = False  #: use the embedded sandbox, also if the environment names a target
    api_url: str | None = None  #: base address of the API, such as https://api.example.com
    auth_url: str | None = None  #: address of the token endpoint
    region: Literal["us", "eu", "ca"] | None = None  #: region of the Talkdesk account
    #: account name: the sub-domain used at login
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")] | None = None
    #: most requests in any second; "auto" finds the account's limit and stays under it
    rate: Annotated[float, Field(gt=0, le=100_000)] | Literal["auto"] | None = None
    #: share of the rate that is left to live agents, as 0.2 or "20%"
    reserve: Annotated[float, BeforeValidator(_share), Field(ge=0, le=0.9)] = 0.0
    concurrency: Annotated[int, Field(ge=1, le=1024)] | None = None  #: requests at once
    grace: Annotated[float, Field(ge=0, le=600)] = 30.0  #: seconds for running requests after Ctrl-C
    #: seconds after which a request whose answer was lost can be looked up
    horizon: Annotated[float, Field(ge=0, le=86_400)] | None = None
    fresh_connections: bool | None = None  #: use each connection for one request only
    ca_file: Path | None = None  #: certificates to trust instead of the system's
    #: HTTP proxy on the way to the target: http://host:port or http://user:password@host:port
    proxy: Annotated[SecretStr, AfterValidator(_proxy)] | None = None
    token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    private_key_file: Path | None = None
    key_id: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Settings:
        problems = [*self._target_problems(), *self._credential_problems()]
        if problems:
            raise ValueError("\n\n".join(problems))
        return self

    def _target_problems(self) -> list[str]:
        problems = []
        if self.api_url and self.region:
            problems.append("give either --region and --account or --api-url, not both")
        if (self.region is None) != (self.account is None):
            problems.append("--region and --account belong together")
        if self.auth_url and not self.api_url:
            problems.append("--auth-url belongs to --api-url")
        for flag, url in (("--api-url", self.api_url), ("--auth-url", self.auth_url)):
            try:
                if url:
                    regions.checked_url(url, flag=flag)
                if url and self.proxy and not self.sandbox and _is_plain(url):
                    problems.append(f"{flag} is plain http, which is for this machine only and takes no --proxy")
            except ConfigError as error:
                problems.append(f"{error.what}\n{error.hint}")
        return problems

    def _credential_problems(self) -> list[str]:
        problems = []
        if self.client_secret and self.private_key_file:
            problems.append("give either a client secret or a private key, not both")
        if (self.client_secret or self.private_key_file) and not self.client_id:
            problems.append(f"{ENVIRONMENT_PREFIX}CLIENT_ID is missing")
        if self.private_key_file and not self.key_id:
            problems.append(f"{ENVIRONMENT_PREFIX}KEY_ID is missing")
        if self.token and not _is_token(self.token.get_secret_value()):
            problems.append(f"{ENVIRONMENT_PREFIX}TOKEN is not a token: it holds blanks, line ends or odd characters")
        return problems

    @property
    def target(self) -> Target:
        """Where cases are created."""
        if self.region and self.account and not self.sandbox:
            api_url, token_url = regions.endpoints(self.region, self.account)
            return Target(f"{api_url} (account {self.account})", api_url, token_url, False)
        if self.api_url and not self.sandbox:
            base = self.api_url.rstrip("/")
            is_local = regions.is_loopback(base)
            return Target(base, base, self.auth_url or (f"{base}/oauth/token" if is_local else None), is_local)
        return Target("sandbox", None, None, True)

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
    def waits(self) -> Horizon:
        """When a look-up can be believed: what nobody has measured for a real account is chosen with care."""
        wait = self.horizon if self.horizon is not None else 2.0 if self.target.is_local else 60.0
        return Horizon(wait, max(0.5, wait / 4))

    @property
    def uses_fresh_connections(self) -> bool:
        """Whether each connection serves one request: by default wherever its price goes unnoticed."""
        if self.fresh_connections is not None:
            return self.fresh_connections
        return not self.target.is_local or (self.top_rate is not None and self.top_rate <= FRESH_UP_TO)

    def credentials(self) -> Credentials:
        """What to authenticate with, with the key file read anew.

        Raises:
            ConfigError: there are none, or the key file cannot be read.
        """
        if self.client_id and self.private_key_file and self.key_id:
            return KeyCredentials(self.client_id, self.key_id, read_private_key(self.private_key_file))
        if self.client_id and self.client_secret:
            return SecretCredentials(self.client_id, self.client_secret.get_secret_value())
        if self.token:
            return StaticCredentials(self.token.get_secret_value())
        raise ConfigError(
            f"no credentials for {self.target.name}",
            hint=f"set {ENVIRONMENT_PREFIX}CLIENT_ID and {ENVIRONMENT_PREFIX}CLIENT_SECRET"
            f" (or {ENVIRONMENT_PREFIX}PRIVATE_KEY_FILE and {ENVIRONMENT_PREFIX}KEY_ID, or {ENVIRONMENT_PREFIX}TOKEN)"
            " in the environment or in a .env file",
        )


def _is_plain(url: str) -> bool:
    return url.lower().startswith("http:")


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and bool(text)


def read_private_key(path: Path) -> str:
    """The private key as PEM text; Talkdesk hands it out as base64 PKCS#8 without the PEM lines around it.

    Raises:
        ConfigError: the file cannot be read or holds no key.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"the private key cannot be read: {reason}", where=str(path)) from None
    if text.startswith("-----BEGIN"):
        return text + "\n"
    packed = "".join(text.split())
    try:
        b64decode(packed, validate=True)
    except ValueError:
        raise ConfigError(
            "this is not a private key", where=str(path), hint="it must be PEM, or base64 as Talkdesk shows it"
        ) from None
    lines = "\n".join(packed[start : start + 64] for start in range(0, len(packed), 64))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"


def load_settings(
    *, config_file: Path | None = None, environment: Mapping[str, str] | None = None, **flags: Any
) -> Settings:
    """Settings from flags over environment over file over defaults.

    Args:
        config_file: A ``.env`` or YAML file; by default ``.env`` in the current folder if there is one.
        environment: Instead of the process's own.
        flags: Fields of :class:`Settings`; None means not given.

    Raises:
        ConfigError: everything that is wrong, in one message.
    """
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in flags.items() if value is not None}
    in_file, in_environment = _of_file(config_file), _of_environment(environment)
    values = {**in_file, **in_environment}
    if given.get("sandbox") or given.keys() & {"api_url", "region"}:
        # A target on the command line replaces the whole target of the environment, never half of it.
        for name in ("sandbox", "api_url", "auth_url", "region", "account"):
            values.pop(name, None)
        if _is_plain(str(given.get("api_url"))):  # on this machine, where no proxy leads unless one asks for it
            values.pop("proxy", None)
    try:
        return Settings(**{**values, **given})
    except ValidationError as error:
        places = {
            **dict.fromkeys(in_file, f" (set in {config_file or _DEFAULT_FILE})"),
            **{name: f" (set by {ENVIRONMENT_PREFIX}{name.upper()} in the environment)" for name in in_environment},
            **dict.fromkeys(given, ""),
        }
        found = dict(text.partition("\n")[::2] for text in _readable(error, places))
        hint = "docs/operating.md lists all settings; case-importer run --help lists the flags"
        raise ConfigError("; ".join(found), hint="; ".join(filter(None, found.values())) or hint) from None


#: What a setting takes, where its type does not say it well enough.
_TAKES = {
    "rate": "a number above 0 and up to 100,000, or auto",
    "reserve": "a share from 0 to 0.9, or a percentage such as 20%",
    "concurrency": "a whole number from 1 to 1,024",
    "grace": "a number of seconds from 0 to 600",
    "horizon": "a number of seconds from 0 to 86,400",
    "region": "us, eu or ca",
    "account": "the sub-domain used at login: up to 63 letters, digits and hyphens",
    "proxy": "http://host:port or http://user:password@host:port (odd characters in the password as %40 and so on)",
    "sandbox": "true or false",
    "fresh_connections": "true or false",
}


def _readable(error: ValidationError, places: Mapping[str, str]) -> Iterator[str]:
    """Never the value itself: it may be a secret in the wrong place."""
    for problem in error.errors():
        name = ".".join(str(step) for step in problem["loc"][:1])
        place = places.get(name, "")
        if not name:
            yield from problem["msg"].removeprefix("Value error, ").split("\n\n")
        elif problem["type"] == "extra_forbidden":
            near = get_close_matches(name, Settings.model_fields, 1)
            yield f"there is no setting {name!r}{place}" + (f"; did you mean {near[0]!r}?" if near else "")
        else:
            yield f"{_called(name)} must be {_TAKES.get(name, 'one text')}{place}"


def _called(name: str) -> str:
    """A setting as a user knows it: by its flag, if it has one."""
    return f"--{name.replace('_', '-')}" if name in _FLAGS else f"{ENVIRONMENT_PREFIX}{name.upper()}"


_FLAGS = frozenset(Settings.model_fields) - {
    "grace",
    "token",
    "client_id",
    "client_secret",
    "private_key_file",
    "key_id",
}
_DEFAULT_FILE = ".env"


def _of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = {f"{ENVIRONMENT_PREFIX}{name.upper()}": name for name in Settings.model_fields}
    return {names[variable]: value for variable, value in environment.items() if variable in names and value}


def _of_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        path = Path(_DEFAULT_FILE)
        if not path.is_file():
            return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        hint = "check its path and rights; --config names a .env or YAML file"
        raise ConfigError(f"the settings file cannot be read: {reason}", where=str(path), hint=hint) from None
    if path.suffix.lower() in (".yml", ".yaml"):
        return _of_yaml(text, path)
    return dict(_of_environment({name: value for name, value in dotenv_values(path).items() if value is not None}))


def _of_yaml(text: str, path: Path) -> dict[str, Any]:
    root, problems = parse(text)
    content = None if root is None else plain(root)
    if problems or not isinstance(content, dict):
        what = str(problems[0].what) if problems else "it is not a table of settings"
        raise ConfigError(f"the settings file is not valid: {what}", where=str(path), hint="write lines like  rate: 10")
    return {name.replace("-", "_"): value for name, value in content.items()}
