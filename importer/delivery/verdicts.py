"""What the answer to a create or an update proves about a row. Pure: the table of this file decides.

A create has three endings, not two: created, proven not created, unknown. Unknown is the default. The short list of
answers that prove "not created" is an allow-list, and only these rows may ever be sent again without a search. That
such an answer is true is assumption A6 in ``docs/delivery.md``.
Reads, which prove nothing about a row by their status, are judged in ``ApiAccess.read``.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

import orjson

from importer.errors import CaseImporterError
from importer.ledger.records import Outcome, Pending
from importer.models import State
from importer.talkdesk.shown import Case, case_in, error_body
from importer.talkdesk.transport import Answer, NotSent, TransportError
from importer.talkdesk.wait_headers import asked_wait, rate_limit_wait
from importer.text.safe import clean


class Signal(Enum):
    """What an answer says about the run as a whole, in addition to its row."""

    NONE = auto()
    CREATED = auto()
    THROTTLED = auto()  #: too fast: everybody waits
    UNAUTHORIZED = auto()  #: the token is no longer good
    FORBIDDEN = auto()  #: no right to do this; perhaps only for this row
    WRONG_TARGET = auto()  #: this address does not create cases
    CROSSED = auto()  #: the answer belongs to another row: no answer can be trusted any more
    OUTAGE = auto()  #: no whole answer, or a server error: the service may be down


class Verdict(NamedTuple):
    """What follows from one attempt."""

    outcome: Outcome  #: created, refused, unknown, or pending when it is proven not created and may be sent again
    signal: Signal = Signal.NONE  #: what it says about the run
    wait: float | None = None  #: seconds that the server asked everybody to wait; None if it did not
    field: str = ""  #: the field that a refusal names; empty if none
    in_outage: bool = False  #: it met an outage that was known by then, so it was not about this row
    stops: CaseImporterError | None = None  #: why no request can leave, now or later (an untrusted certificate, say)

    @property
    def state(self) -> State:
        """Where the record goes."""
        return self.outcome.state

    @property
    def is_too_fast(self) -> bool:
        """Whether the server refused it for nothing but its limit."""
        return self.signal is Signal.THROTTLED

    @property
    def is_unauthorized(self) -> bool:
        """Whether it was about the token alone."""
        return self.signal is Signal.UNAUTHORIZED


CREATED, UPDATED = 201, 200
#: Whole answers that prove that nothing was created, and asking again would bring the same.
REFUSED = frozenset({400, 403, 406, 411, 413, 414, 415, 422, 428, 431})
#: Whole answers that prove that nothing was created and say nothing about the row. 404 and 405 are here because a
#: create looks nothing up that could be missing: the address is wrong, and the run stops.
RETRY = frozenset({401, 404, 405, 425, 429})
#: Answers of an address that is not the Case API.
WRONG_TARGET = frozenset({404, 405, 410, 501, 505})
#: Refusals that were about the account and not about the row, once the run has ended because it was shut out.
SHUT_OUT = frozenset({403, 405})
#: Answers to a search or to a look at a case that another attempt would bring again: no such case, no right to read it,
#: or a filter in a form that is not understood.
FINAL_READS = frozenset({400, 403, 404, 410, 422})

_SIGNALS = {401: Signal.UNAUTHORIZED, 403: Signal.FORBIDDEN, 429: Signal.THROTTLED}


def classify(answer: Answer, record: Pending) -> Verdict:
    """What a whole answer to a create proves about the record that was sent."""
    if answer.status != CREATED:
        return _classify_failure(answer)
    case = case_in(answer)
    if case is None:
        return _odd(answer, "unreadable", "HTTP 201, but the response contains no case", Signal.OUTAGE)
    if not echo_fits(case, record):
        message = f"HTTP 201, but case {case.id} has the content of another row"
        return _odd(answer, "wrong_echo", message, Signal.CROSSED)
    outcome = Outcome(State.CREATED, case.id, answer.status, "created")
    return Verdict(outcome, Signal.CREATED, rate_limit_wait(answer.headers))


def classify_update(answer: Answer, case_id: str) -> Verdict:
    """What a whole answer to an update proves; "created" means that the case has what it carried.

    What proves "not done" for a create proves it for an update as well, but 404, 405 and 410 speak of this case.
    """
    if answer.status != UPDATED:
        verdict = _classify_failure(answer)
        if answer.status in (404, 405, 410):
            verdict = verdict._replace(outcome=verdict.outcome._replace(state=State.REFUSED))
        return verdict._replace(signal=Signal.NONE) if answer.status in (404, 410) else verdict
    case = case_in(answer)
    if case is None:
        return _odd(answer, "unreadable", "HTTP 200, but the response contains no case", Signal.OUTAGE)
    if case.id != case_id:
        return _odd(answer, "wrong_echo", f"HTTP 200, but for case {case.id} instead of {case_id}", Signal.CROSSED)
    outcome = Outcome(State.CREATED, case_id, answer.status, "updated")
    return Verdict(outcome, Signal.CREATED, rate_limit_wait(answer.headers))


def classify_error(error: TransportError) -> Verdict:
    """What an attempt proves that brought no whole answer."""
    if not isinstance(error, NotSent):
        return Verdict(Outcome(State.UNKNOWN, None, None, error.code, error.message), Signal.OUTAGE)
    outcome = Outcome(State.PENDING, None, None, error.code, error.message)
    return Verdict(outcome, Signal.OUTAGE, stops=error.stops)


def _classify_failure(answer: Answer) -> Verdict:
    status = answer.status
    told = error_body(answer)
    state = State.PENDING if status in RETRY else State.REFUSED if status in REFUSED else State.UNKNOWN
    if status in WRONG_TARGET or 300 <= status < 400:
        signal = Signal.WRONG_TARGET
    else:
        signal = Signal.OUTAGE if status >= 500 else _SIGNALS.get(status, Signal.NONE)
    outcome = Outcome(state, None, status, told.code or f"http_{status}", told.text or f"HTTP {status}")
    wait = asked_wait(answer.headers, told.retry_hint) if status in (425, 429, 503) else None
    return Verdict(outcome, signal, wait, told.field if state is State.REFUSED else "")


def _odd(answer: Answer, code: str, message: str, signal: Signal) -> Verdict:
    return Verdict(Outcome(State.UNKNOWN, None, answer.status, code, clean(message)), signal)


def echo_fits(case: Case, record: Pending) -> bool:
    """Whether the case in an answer can be the one that was sent for ``record``.

    The external id decides if it comes back; else the title, forgiving what servers do to texts (white space, cutting).
    """
    field = record.external_id_field
    shows_id = field is not None and case.custom_fields.get(field) is not None
    if not shows_id and case.title is None:
        return True
    sent = orjson.loads(record.body)
    if field is not None and shows_id:
        return case.has(field, sent["custom_fields"][field])
    got, want = "".join(str(case.title).split()), "".join(str(sent["title"]).split())
    return bool(got) and (want.startswith(got) or got.startswith(want))
