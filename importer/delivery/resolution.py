"""What a person may decide about a row in doubt."""

from __future__ import annotations

import getpass
from typing import Literal

from importer.errors import ConfigError
from importer.ledger import Outcome
from importer.records import State
from importer.talkdesk.answers import clean

Decision = Literal["created", "resend", "drop"]


def resolution(decision: Decision, *, reason: str, case_id: str | None) -> Outcome:
    """The outcome of a person's decision, with who decided and why.

    Raises:
        ConfigError: the reason or the case id is missing, or a case id is too much.
    """
    if not reason.strip():
        raise ConfigError("a reason is missing", cure="say with --reason why; it stays in the history")
    if (decision == "created") != (case_id is not None):
        raise ConfigError("a case id belongs to --created, and only to it")
    message = clean(f"{_who()}: {reason}")
    if decision == "created":
        return Outcome(State.CREATED, case_id, None, "resolved", message)
    return Outcome(State.PENDING if decision == "resend" else State.SKIPPED, None, None, "resolved", message)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in some containers; ImportError: Windows
        return "somebody"
