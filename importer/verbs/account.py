"""The verbs that save what a mapping needs to know about an account as a file.

Each exists twice: a coroutine (``save_fields_async``) and a plain function (``save_fields``).
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from importer.delivery.api_access import ApiAccess, ReadError
from importer.delivery.stopping import Stop
from importer.errors import CaseImporterError, ExitCode, TargetError
from importer.files.scratch import scratch_folder
from importer.files.whole import whole_file
from importer.mapping.custom_fields import fields_text
from importer.models import StrPath
from importer.progress.progress import Progress
from importer.settings.model import Settings
from importer.talkdesk.addresses import FIELDS_PATH, USERS_PATH
from importer.talkdesk.fields import USERS_PER_PAGE, User, read_definitions, read_users
from importer.talkdesk.search import UnreadableListError
from importer.talkdesk.shown import error_body
from importer.talkdesk.transport import Answer
from importer.text.formulas import escape_formula
from importer.verbs.plain import plain
from importer.verbs.session import open_api, open_target, usable_settings

T = TypeVar("T")
_ATTEMPTS = 5  #: That a read gets.


class UnreachableError(CaseImporterError):
    """The account gave no usable answer; later it may."""

    exit_code = ExitCode.TEMPORARY


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved."""

    path: Path
    entries: int  #: how many fields or users are in the file
    skipped_users: int = 0  #: inactive ones, and those without an e-mail address


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
        definitions = await account.read(FIELDS_PATH, read_definitions, scope="case-fields-public:read")
    with whole_file(Path(path)) as file:
        file.write(fields_text(definitions, account=account.name))
    return Saved(Path(path), len(definitions))


async def save_users_async(path: StrPath, *, settings: Settings | None = None) -> Saved:
    """Save the active users of an account as a CSV file of e-mail, id and name, for ``lookup:`` in a mapping.

    Args:
        path, settings: See :func:`save_fields_async`.
    """
    users: dict[str, User] = {}
    page = 0
    pages: int | None = None
    async with _open_account(usable_settings(settings)) as account:
        while pages is None or page < pages:
            page += 1
            query = f"page={page}&per_page={USERS_PER_PAGE}"
            found, pages = await account.read(USERS_PATH, read_users, query=query, scope="users:read")
            if all(user.id in users for user in found):
                break
            users |= {user.id: user for user in found}  # a user added meanwhile moves others to the next page
    chosen = sorted(
        (user for user in users.values() if user.active and user.email), key=lambda user: (user.email, user.id)
    )
    with whole_file(Path(path)) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("email", "id", "name"))
        writer.writerows(map(escape_formula, (user.email, user.id, user.name)) for user in chosen)
    return Saved(Path(path), len(chosen), len(users) - len(chosen))


@asynccontextmanager
async def _open_account(settings: Settings) -> AsyncIterator[_Account]:
    with scratch_folder() as folder:
        async with (
            open_target(settings, folder / "ledger.db") as target,
            open_api(target, settings, stop=Stop(), progress=Progress()) as api,
        ):
            yield _Account(settings.target.name, target.api_url, replace(api, read_attempts=_ATTEMPTS))


@dataclass(frozen=True, slots=True)
class _Account:
    """Reads from an account as a run does: with its rate and its patience."""

    name: str
    url: str
    api: ApiAccess

    async def read(self, path: str, of_answer: Callable[[Any], T], *, scope: str, query: str = "") -> T:
        """What ``of_answer`` finds in the JSON at ``path``; ``scope`` is what the credentials must allow."""
        status = 0

        def parse(answer: Answer) -> Any:
            nonlocal status
            status = answer.status
            if status == 200:
                return answer.json()
            if status >= 500 or status in (401, 408, 429):
                raise UnreadableListError(f"HTTP {status}")
            what = f"{path} was refused (HTTP {status}): {error_body(answer).text}"
            raise TargetError(what, where=self.url, hint="check the account, the region or --api-url")

        try:
            read = self.api.read(lambda token: self.api.client.get(path, token, query=query), parse, what=path)
            return of_answer(await read)
        except UnreadableListError as error:
            what = f"unexpected response from {path}: {error}"
            raise UnreachableError(what, where=self.url, hint="check --api-url") from None
        except ReadError as error:
            status = error.status or status
            if status in (401, 403):
                what = f"the OAuth client is not allowed to read {path} (HTTP {status})"
                hint = f"add the scope {scope} to the OAuth client in Talkdesk Builder"
                raise TargetError(what, where=self.url, hint=hint) from None
            if error.is_final:
                stops = TargetError(str(error), where=self.url, hint="check the account, the region or --api-url")
                raise self.api.breaker.error or stops from None
            raise UnreachableError(str(error), where=self.url, hint="run the same command again later") from None


save_fields = plain(save_fields_async)
save_users = plain(save_users_async)
