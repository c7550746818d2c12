"""What a person decides about rows with an unknown outcome."""

from __future__ import annotations

import getpass
import re
from typing import Literal

from importer.errors import ConfigError, ExitCode
from importer.ledger import Ledger, decisions
from importer.ledger.records import Outcome, UpdateOutcome
from importer.models import CASE_ID, CaseUpdateState, State, StrPath
from importer.text.safe import clean
from importer.text.wording import command_line
from importer.verbs.folders import existing_ledger

Decision = Literal["created", "resend", "drop"]


UpdateDecision = Literal["done", "not_done", "dropped"]


_ROWS = {"created": State.CREATED, "resend": State.PENDING, "drop": State.SKIPPED}


_UPDATES = {
    "done": CaseUpdateState.DONE,
    "not_done": CaseUpdateState.PENDING,
    "dropped": CaseUpdateState.DROPPED,
}


def resolve(ledger: StrPath, key: str, decision: Decision, *, reason: str, case_id: str | None = None) -> State:
    """Settle a row with an unknown outcome; the reason and the user's name stay in the history.

    Args:
        ledger: The ledger.
        key: Key of the row.
        decision: ``created`` (then with ``case_id``), ``resend`` or ``drop``.
        reason: Why; for those who read the history later.
        case_id: The case that the row became.

    Returns:
        The new state of the row.

    Raises:
        ConfigError: no row with this key has an unknown outcome, or the case id is none or that of another row.
    """
    if (decision == "created") != (case_id is not None):
        raise ConfigError("--created requires a case id, and no other decision accepts one")
    if case_id is not None and not re.fullmatch(CASE_ID, case_id):
        raise ConfigError(f"{clean(case_id)!r} is not a case id", hint="give the number alone, as in --created 4711")
    outcome = Outcome(_ROWS[decision], case_id, None, "resolved", _signed(reason))
    with Ledger(existing_ledger(ledger), verb="resolve") as opened:
        if case_id is not None and opened.has_case(case_id):
            raise ConfigError(f"case {case_id} already belongs to another row", hint="check the case id")
        states = decisions.states_of(opened, key)
        if decision == "resend" and State.DUPLICATE in states:
            hint = "choose one with --created ID, or use --drop"
            raise ConfigError(f"row {key!r} already has several cases", hint=hint)
        if decision == "resend" and decisions.is_forgotten(opened, key):
            what = f"the contents of row {key!r} were deleted, so it cannot be sent again"
            raise ConfigError(what, hint="use --drop, then import the row from a file again")
        if not decisions.resolve(opened, key, outcome):
            found = f"state: {', '.join(states)}" if states else "key not in this ledger"
            what = f"row {key!r} does not have an unknown outcome ({found})"
            raise ConfigError(what, hint=f"see: {command_line(['case-importer', 'status', '--ledger', str(ledger)])}")
        opened.exit_code = ExitCode.OK
    return outcome.state


def resolve_update(ledger: StrPath, key: str, decision: UpdateDecision, *, reason: str) -> CaseUpdateState:
    """Settle a case update (notes sent later, fields set later) whose outcome is unknown or that was refused.

    Args:
        ledger: The ledger.
        key: Key of the row whose case it is.
        decision: ``done``: the case has what it carries; ``not_done``: it has nothing of it, send it; ``dropped``:
            do not send it.
        reason: Why; for those who read the history later.

    Returns:
        Its new state. Later updates of the case are sent by the next run.

    Raises:
        ConfigError: the row has no case, or no update of it is unknown or was refused.
    """
    outcome = UpdateOutcome(_UPDATES[decision], None, "resolved", _signed(reason))
    with Ledger(existing_ledger(ledger), verb="resolve") as opened:
        if not decisions.resolve_update(opened, key, outcome):
            what = f"row {key!r} has no case update that is unknown or refused"
            raise ConfigError(what, hint="see case-updates.csv in the reports")
        opened.exit_code = ExitCode.OK
    return outcome.state


def _signed(reason: str) -> str:
    if not reason.strip():
        raise ConfigError("a reason is missing", hint="pass --reason TEXT; it is stored in the history")
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in some containers; ImportError: Windows
        user = "unknown user"
    return clean(f"{user}: {reason}")
