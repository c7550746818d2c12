"""What an answer proves about a row. Pure: the table of this file decides, nothing else does.

A create has three endings, not two: created, proven not created, unknown. Unknown is the default. The short list of
answers that prove "not created" is an allow-list, and only these rows may ever be sent again without a look-up.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Any, NamedTuple

import orjson

from importer.delivery.waits import asked_wait, rate_limit_wait
from importer.ledger import Outcome
from importer.models import State
from importer.talkdesk.answers import Answer, NoAnswer, NotSent, clean, custom_fields, error_body


class Signal(Enum):
    """What an answer says about the run as a whole, beside its row."""

    NONE = auto()
    CREATED = auto()
    THROTTLED = auto()  #: too fast: everybody waits
    UNAUTHORIZED = auto()  #: the token is no longer good
    FORBIDDEN = auto()  #: no right to do this; perhaps only for this row
    WRONG_PLACE = auto()  #: this address does not create cases
    CROSSED = auto()  #: the answer belongs to another row: no answer can be trusted any more
    HOPELESS = auto()  #: no request can leave, now or later (a certificate that is not trusted, say)
    OUTAGE = auto()  #: no whole answer, or a server error: the service may be down


class Verdict(NamedTuple):
    """What follows from one attempt.

    Attributes:
        outcome: Where the record goes: created, refused, unknown, or pending when it is proven not created and
            may be sent again.
        signal: What it says about the run.
        wait: Seconds that the server asked everybody to wait; None if it did not.
        field: The field that a refusal names; empty if none.
        hint: What a person can do about it, if that is known; else empty.
    """

    outcome: Outcome
    signal: Signal = Signal.NONE
    wait: float | None = None
    field: str = ""
    hint: str = ""


#: Whole answers that prove that nothing was created. 404 and 405 are here because a case is not looked up by a create.
REFUSED = frozenset({400, 403, 404, 405, 406, 411, 413, 414, 415, 422, 428, 431})
#: As above, and worth another attempt.
AGAIN = frozenset({401, 425, 429})
#: Answers of a place that is not the Case API.
WRONG_PLACE = frozenset({404, 405, 410, 501, 505})
CREATED = 201
UPDATED = 200

_SIGNALS = {401: Signal.UNAUTHORIZED, 403: Signal.FORBIDDEN, 429: Signal.THROTTLED}
_CASE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def judge(answer: Answer, body: bytes, *, stamp: str | None) -> Verdict:
    """Judge a whole answer to a create.

    Args:
        answer: The answer.
        body: The body that was sent.
        stamp: Custom field that carries the legacy key, if any.
    """
    status = answer.status
    if status == CREATED:
        return _judge_created(answer, body, stamp)
    return _judge_failure(answer)


def judge_added(answer: Answer, case_id: str) -> Verdict:
    """Judge a whole answer to an update that adds notes to a case; "created" means that it has them.

    What proves "not done" for a create proves it for an update as well.
    """
    if answer.status != UPDATED:
        verdict = _judge_failure(answer)
        # Of an update, 404 speaks of this case and not of the address.
        return verdict._replace(signal=Signal.NONE) if answer.status == 404 else verdict
    case = answer.json()
    if not isinstance(case, dict):
        return _odd(answer, "not_json", "HTTP 200 without a case in it", Signal.OUTAGE)
    echoed = case_id_of(case)
    if echoed is None:
        return _odd(answer, "no_id", "HTTP 200 without a usable case id", Signal.OUTAGE)
    if echoed != case_id:
        return _odd(answer, "wrong_echo", f"HTTP 200, but for case {echoed} and not for {case_id}", Signal.CROSSED)
    outcome = Outcome(State.CREATED, case_id, answer.status, "added")
    return Verdict(outcome, Signal.CREATED, rate_limit_wait(answer.headers))


def _judge_failure(answer: Answer) -> Verdict:
    status = answer.status
    told = error_body(answer)
    message = told.text or f"HTTP {status}"
    code = told.code or f"http_{status}"
    if status in AGAIN or status in REFUSED:
        state = State.PENDING if status in AGAIN else State.REFUSED
        signal = Signal.WRONG_PLACE if status in WRONG_PLACE else _SIGNALS.get(status, Signal.NONE)
        wait = asked_wait(answer.headers, told.retry_hint) if status in (425, 429) else None
        return Verdict(Outcome(state, None, status, code, message), signal, wait, told.field)
    return Verdict(Outcome(State.UNKNOWN, None, status, code, message), _signal_of_unknown(status), _wait_of(answer))


def _signal_of_unknown(status: int) -> Signal:
    if status in WRONG_PLACE or 300 <= status < 400:
        return Signal.WRONG_PLACE
    return Signal.OUTAGE if status >= 500 else Signal.NONE


def _wait_of(answer: Answer) -> float | None:
    return asked_wait(answer.headers, None) if answer.status == 503 else None


def judge_silence(trouble: NotSent | NoAnswer) -> Verdict:
    """Judge an attempt that brought no whole answer."""
    if not isinstance(trouble, NotSent):
        return Verdict(Outcome(State.UNKNOWN, None, None, trouble.code, trouble.message), Signal.OUTAGE)
    signal = Signal.HOPELESS if trouble.fatal else Signal.OUTAGE
    return Verdict(Outcome(State.PENDING, None, None, trouble.code, trouble.message), signal, hint=trouble.hint)


def _judge_created(answer: Answer, body: bytes, stamp: str | None) -> Verdict:
    case = answer.json()
    if not isinstance(case, dict):
        return _odd(answer, "not_json", "HTTP 201 without a case in it", Signal.OUTAGE)
    case_id = case_id_of(case)
    if case_id is None:
        return _odd(answer, "no_id", "HTTP 201 without a usable case id", Signal.OUTAGE)
    if not echo_fits(case, body, stamp):
        return _odd(answer, "wrong_echo", f"HTTP 201, but case {case_id} carries another row's content", Signal.CROSSED)
    return Verdict(
        Outcome(State.CREATED, case_id, answer.status, "created"), Signal.CREATED, rate_limit_wait(answer.headers)
    )


def _odd(answer: Answer, code: str, message: str, signal: Signal) -> Verdict:
    return Verdict(Outcome(State.UNKNOWN, None, answer.status, code, clean(message)), signal)


def case_id_of(case: dict[str, Any]) -> str | None:
    """The id of a case as exact text; None if it has no usable one."""
    number = case.get("id")
    text = str(number) if isinstance(number, int) and not isinstance(number, bool) else number
    return text if isinstance(text, str) and _CASE_ID.fullmatch(text) else None


def echo_fits(case: dict[str, Any], body: bytes, stamp: str | None) -> bool:
    """Whether the case in an answer can be the one that was sent as ``body``.

    The stamp decides if it comes back; else the title, forgiving what servers do to texts (white space, cutting).
    """
    echoed = None if stamp is None else custom_fields(case).get(stamp)
    if echoed is not None:
        return bool(str(echoed) == orjson.loads(body)["custom_fields"][stamp])
    title = case.get("title")
    if not isinstance(title, str):
        return True
    got, want = "".join(title.split()), "".join(str(orjson.loads(body)["title"]).split())
    return bool(got) and (want.startswith(got) or got.startswith(want))
