"""The verbs that save what a mapping needs to know about an account as a file.

Each that uses the network exists twice: a coroutine (``save_fields_async``) and a plain function (``save_fields``).
"""

from __future__ import annotations

import csv
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from importer.delivery.retry import ReadError, asked_wait, retry_reads
from importer.errors import CaseImporterError, ConfigError, ExitCode, TargetError
from importer.formulas import escape_formula
from importer.mapping.custom_fields import fields_text
from importer.pipeline.sending import open_target, open_transport, usable_settings
from importer.plain import plain
from importer.regions import FIELDS_PATH, USERS_PATH
from importer.report.files import whole_file
from importer.scratch import scratch_folder
from importer.settings import Settings
from importer.talkdesk.auth import Tokens, TokenTrouble
from importer.talkdesk.client import CaseApi
from importer.talkdesk.fields import UnreadableFieldsError, read_definitions
from importer.talkdesk.payloads import error_body
from importer.talkdesk.transport import NotSent, TransportError
from importer.talkdesk.users import PER_PAGE, UnreadableUsersError, User, read_users

ATTEMPTS = 5
_LONGEST_WAIT = 60.0
StrPath = str | os.PathLike[str]


class UnreachableError(CaseImporterError):
    """The account gave no usable answer; later it may."""

    exit_code = ExitCode.TEMPORARY


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved.

    Attributes:
        path: The file.
        entries: How many fields or users are in it.
        skipped_users: How many inactive users, or users without an e-mail address, are not.
    """

    path: Path
    entries: int
    skipped_users: int = 0


async def save_fields_async(path: StrPath, *, settings: Settings | None = None) -> Saved:
    """Save the custom field definitions of an account, for ``fields:`` in a mapping.

    Args:
        path: The file. An existing one is replaced once all is known.
        settings: Target and credentials; by default from environment and ``.env``.

    Raises:
        TargetError: the credentials are refused, or may not read the fields.
        UnreachableError: no usable answer came.
        ConfigError: target or credentials are missing, or the file cannot be written.
    """
    async with _open_account(usable_settings(settings)) as account:
        answer = await account.get(FIELDS_PATH, scope="case-fields-public:read")
        try:
            definitions = read_definitions(answer)
        except UnreadableFieldsError as error:
            raise account.unexpected(FIELDS_PATH, error) from None
    with _saved_file(Path(path)) as file:
        file.write(fields_text(definitions, account=account.name))
    return Saved(Path(path), len(definitions))


async def save_users_async(path: StrPath, *, settings: Settings | None = None) -> Saved:
    """Save the active users of an account as a CSV file of e-mail, id and name, for ``lookup:`` in a mapping.

    Args:
        path, settings: See :func:`save_fields_async`.

    Raises:
        CaseImporterError: see :func:`save_fields_async`.
    """
    users: dict[str, User] = {}
    page, pages = 1, 1
    async with _open_account(usable_settings(settings)) as account:
        while page <= pages:
            answer = await account.get(USERS_PATH, f"page={page}&per_page={PER_PAGE}", scope="users:read")
            try:
                found, pages = read_users(answer)
            except UnreadableUsersError as error:
                raise account.unexpected(USERS_PATH, error) from None
            if not found:
                break
            users |= {user.id: user for user in found}  # a user added meanwhile moves others to the next page
            page += 1
    chosen = sorted(user for user in users.values() if user.active and user.email)
    with _saved_file(Path(path)) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("email", "id", "name"))
        writer.writerows(map(escape_formula, (user.email, user.id, user.name)) for user in chosen)
    return Saved(Path(path), len(chosen), len(users) - len(chosen))


@contextmanager
def _saved_file(path: Path) -> Iterator[TextIO]:
    try:
        with whole_file(path) as file:
            yield file
    except ConfigError as error:
        what = error.what.replace("the report", "the file")
        raise ConfigError(what, where=str(path), hint="check its folder and the permissions there") from None


@asynccontextmanager
async def _open_account(settings: Settings) -> AsyncIterator[_Account]:
    with scratch_folder() as folder:
        async with (
            open_target(settings, folder / "ledger.db") as target,
            open_transport(settings) as transport,
        ):
            tokens = Tokens(transport, token_url=target.token_url, credentials=target.credentials)
            api = CaseApi(transport, api_url=target.api_url)
            yield _Account(api, tokens, name=settings.target.name, url=target.api_url)


class _Account:
    """Reads from an account, and tries again: reading twice does no harm."""

    def __init__(self, api: CaseApi, tokens: Tokens, *, name: str, url: str) -> None:
        self.name = name
        self._api = api
        self._tokens = tokens
        self._url = url

    async def get(self, path: str, query: str = "", *, scope: str) -> Any:
        """The JSON at ``path``.

        Args:
            path: Where; it begins with a slash.
            query: A percent-encoded query string.
            scope: What the credentials must allow, for the message if they do not.
        """
        try:
            return await retry_reads(lambda: self._get(path, query, scope), attempts=ATTEMPTS)
        except ReadError as error:
            what = f"cannot read {path}: {error}"
            raise UnreachableError(what, where=self._url, hint="run the same command again later") from None

    async def _get(self, path: str, query: str, scope: str) -> Any:
        """One attempt; a ReadError if another one may help."""
        try:
            token = await self._tokens.get()
            answer = await self._api.get(path, token, query=query)
        except (TransportError, TokenTrouble) as error:
            if isinstance(error, NotSent) and error.fatal:
                hint = error.hint or "check --api-url, or --ca-file"
                raise TargetError(error.message, where=self._url, hint=hint) from None
            raise ReadError(str(error)) from None
        status = answer.status
        if status == 200:
            return answer.json()
        if status == 401 and self._tokens.reject(token) and self._tokens.renewals < 2:
            raise ReadError("HTTP 401")
        if status in (401, 403):
            what = f"the OAuth client is not allowed to read {path} (HTTP {status})"
            hint = f"add the scope {scope} to the OAuth client in Talkdesk Builder"
            raise TargetError(what, where=self._url, hint=hint)
        if status < 500 and status not in (408, 429):
            what = f"{path} was refused (HTTP {status}): {error_body(answer).text}"
            raise TargetError(what, where=self._url, hint="check the account, the region or --api-url")
        wait = asked_wait(answer.headers, error_body(answer).retry_hint)
        raise ReadError(f"HTTP {status}", wait=None if wait is None else min(wait, _LONGEST_WAIT))

    def unexpected(self, path: str, error: Exception) -> UnreachableError:
        """What to raise for an answer that is not of the documented form."""
        return UnreachableError(f"unexpected response from {path}: {error}", where=self._url, hint="check --api-url")


save_fields = plain(save_fields_async)
save_users = plain(save_users_async)
