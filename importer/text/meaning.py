"""What states, skips, case updates and verdicts mean, and what to do: one table for all pages and reports."""

from __future__ import annotations

from typing import NamedTuple

from importer.models import CaseVerdict, State


class Meaning(NamedTuple):
    """What something means for a person."""

    text: str
    to_do: str = ""  #: what to do about it; empty if there is nothing to do
    retry: str = ""  #: in a failures file: whether the row may be sent again as it is

    def __str__(self) -> str:
        return f"{self.text}: {self.to_do}" if self.to_do else self.text


#: Words in braces depend on how many rows are meant.
_STATES = {
    State.CREATED: Meaning("{cases} in Talkdesk"),
    State.PENDING: Meaning("not sent yet", "run the same command again", "after the fix"),  # in the file if suppressed
    State.WAITING: Meaning("waiting for {their} parent row", "sent as soon as that row is a case", "after the fix"),
    State.SENDING: Meaning("being sent, or the run was killed", "wait, or run it again"),
    State.INVALID: Meaning("not sent", "fix {them} in the failures file or in the mapping", "after the fix"),
    State.REFUSED: Meaning("rejected by Talkdesk", "fix {them} in the failures file", "after the fix"),
    State.SKIPPED: Meaning("not to be sent"),
    State.UNKNOWN: Meaning("may be {cases}", "run reconcile before you send {them} again", "no: run reconcile first"),
    State.DUPLICATE: Meaning("{have} two or more cases", "choose one with resolve", "no: run resolve first"),
}
#: Instead, where nothing reached Talkdesk.
_OF_TRIAL = {
    State.CREATED: "trial: {cases} in the sandbox, not in Talkdesk",
    State.REFUSED: "trial: rejected by the sandbox",
}
_ONE = {"cases": "a case", "them": "it", "their": "its", "have": "has"}
_SEVERAL = {"cases": "cases", "them": "them", "their": "their", "have": "have"}

#: Why rows are skipped, by code.
SKIPPED = {
    "duplicate_key": Meaning(
        "duplicate key in this file", "the first row with this key is sent; check that it is the right one"
    ),
    "already_created": Meaning("already a case", "nothing to do: the key is a case already"),
    "already_created_unverified": Meaning("already a case", "nothing to do: the key is a case already"),
    "already_created_changed": Meaning(
        "already a case, with different content; not updated",
        "the case exists with different content and is not updated",
    ),
    "key_unsettled": Meaning("same key has an unknown outcome", "run case-importer reconcile first"),
    "superseded": Meaning("replaced by a later row"),
    "filtered": Meaning("filtered by `only:` or `skip:`", "nothing to do, if these are the rows you want to filter"),
    "resolved": Meaning("not to be sent, by resolve"),
}
#: Of case updates, by how they stand; see :class:`importer.report.CaseUpdateTotals`.
UPDATES = {
    "open": Meaning("not sent yet", "run the same command again"),
    "sending": Meaning("being sent", "wait for the run to finish"),
    "refused": Meaning(
        "refused", "case-importer retry; or enter it by hand, then case-importer resolve KEY --update-done"
    ),
    "unknown": Meaning(
        "with an unknown outcome",
        "run case-importer reconcile; or check the case, then case-importer resolve KEY with --update-done,"
        " --update-not-done or --update-dropped",
    ),
    "held": Meaning("blocked by those before them", "sent automatically after the case updates before it"),
    "dropped": Meaning("dropped with resolve"),
    "changed": Meaning("changed by the server", "the case shows another value than the one that was sent: check it"),
    "later": Meaning("waiting for their row to become a case"),
}
#: What became of rows that had an unknown outcome, by how; see :meth:`importer.ledger.LedgerView.were_unknown`.
SETTLED = {
    "found": "found in the account: they are cases",
    "again": "proven not to be cases, sent again, and cases now",
    "absent": "proven not to be cases, and not sent again yet",
    "failed": "proven not to be cases, and rejected, invalid or skipped now",
    "resolved": "settled by you with resolve",
    "duplicate": "found more than once: choose one with resolve",
    "open": "still unknown",
}
#: How a case that was read back compares with what was sent.
VERDICTS = {
    CaseVerdict.GONE: "deleted, or in the Trash",
    CaseVerdict.UNREADABLE: "this client may not read the case, so it was not compared",
    CaseVerdict.FEWER_NOTES: "a note is missing",
    CaseVerdict.DIFFERS: "not as sent, at the import or soon after it",
    CaseVerdict.CUT: "a text is cut off",
    CaseVerdict.ESCAPED: "a text has HTML entities (&lt;) for characters",
    CaseVerdict.MORE_NOTES: "a note that was not sent, at the import or soon after it",
    CaseVerdict.MOVED_ON: "changed later, by people or automations",
    CaseVerdict.SAME_BUT: "as sent, but for line breaks, outer spaces, case, order",
    CaseVerdict.SAME: "as sent, in all fields that the API shows",
}
#: What a row may be that is not a case and is no success either.
FAILED = (State.INVALID, State.REFUSED, State.UNKNOWN, State.DUPLICATE, State.PENDING, State.WAITING)
#: Rows that the failures file is for.
TO_FIX = (State.INVALID, State.REFUSED)


def meaning_of(state: State, rows: int = 1, *, trial: bool = False) -> Meaning:
    """What it means that so many rows are in a state; ``trial`` if Talkdesk was not asked."""
    found = _STATES[state]
    if trial:
        found = found._replace(text=_OF_TRIAL.get(state, found.text))
    words = _ONE if rows == 1 else _SEVERAL
    return Meaning(found.text.format_map(words), found.to_do.format_map(words), found.retry)
