"""A run that solves cases asks whether that was ever tried in this account."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from importer.errors import ConfigError
from importer.ledger import Ledger, tries
from importer.verbs.stand_in import folder_of_tries


class UntriedError(ConfigError):
    """Cases would be solved, and no try has shown what the account does then."""


def refuse_untried(ledger: Ledger, source: int | None, *, target: str, folders: Iterable[Path]) -> None:
    """Refuse to solve the first cases of a ledger, unless a ledger of tries in one of the folders knows the account.

    Args:
        ledger: What is to be sent.
        source: Only rows of this source; None for all.
        target: The account.
        folders: Where the ledger of the import is, and its reports.

    Raises:
        UntriedError: cases are to be solved, and that was never tried.
    """
    count, key = tries.to_be_solved(ledger, source)
    paths = {folder_of_tries(folder, is_trial=False) / "ledger.db" for folder in folders}
    if count and not any(tries.was_solved(path, target) for path in paths):
        cases = f"{count:,} case{'s' if count > 1 else ''}"
        raise UntriedError(
            f"`after_create` would solve {cases} in this account, where that was never tried; nothing was sent",
            where=target,
            hint="mails may go to every requester: see what one case sets off with"
            f" `case-importer try SOURCE {shlex.quote(key)} --mapping FILE --email YOUR-ADDRESS`, or pass --yes",
        )
