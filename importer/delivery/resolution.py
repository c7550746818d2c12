"""What a person may decide about a row in doubt, or about notes."""

from __future__ import annotations

import getpass
from typing import Literal

from importer.errors import ConfigError
from importer.ledger import Outcome, UpdateOutcome
from importer.models import CaseUpdateState, State
from importer.talkdesk.answers import clean

Decision = Literal["created", "resend", "drop"]
NotesDecision = Literal["delivered", "not_delivered", "dropped"]

_NOTES = {
    "delivered": CaseUpdateState.DONE,
    "not_delivered": CaseUpdateState.PENDING,
    "dropped": CaseUpdateState.DROPPED,
}


def resolution(decision: Decision, *, reason: str, case_id: str | None) -> Outcome:
    """The outcome of a person's decision, with who decided and why.

    Raises:
        ConfigError: the reason or the case id is missing, or a case id is too much.
    """
    message = _signed(reason)
    if (decision == "created") != (case_id is not None):
        raise ConfigError("a case id belongs to --created, and only to it")
    if decision == "created":
        return Outcome(State.CREATED, case_id, None, "resolved", message)
    return Outcome(State.PENDING if decision == "resend" else State.SKIPPED, None, None, "resolved", message)


def notes_resolution(decision: NotesDecision, *, reason: str) -> UpdateOutcome:
    """Where notes go by a person's decision, with who decided and why.

    Raises:
        ConfigError: the reason is missing.
    """
    return UpdateOutcome(_NOTES[decision], None, "resolved", _signed(reason))


def _signed(reason: str) -> str:
    if not reason.strip():
        raise ConfigError("a reason is missing", hint="say with --reason why; it stays in the history")
    return clean(f"{_who()}: {reason}")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in some containers; ImportError: Windows
        return "somebody"
