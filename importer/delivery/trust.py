"""Whether "it was not created" can be believed.

A row is sent again after an answer that proves that it did not become a case, such as 429. A server that makes the case
all the same, or something on the way that says "too fast" in its name, would have every such row made twice. So a few
of these answers are checked before the row is sent again (:mod:`importer.delivery.audit`). When one turns out wrong,
answers with this status prove nothing any more: not in this run, and not in later ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from importer.delivery.judge import Verdict
from importer.ledger import Pending
from importer.models import State

#: Of the answers with one status all are checked until one check was passed, and then one in so many.
ONE_IN = 200


class Trust:
    """Says what an answer is worth, and chooses those to check.

    Args:
        distrusted: HTTP statuses that were wrong before.
        lag: Seconds after which a new case is in the list for sure: that long a row waits whose answer is checked.

    Attributes:
        distrusted: HTTP statuses that were wrong before.
    """

    def __init__(self, distrusted: Iterable[int] = (), *, lag: float = 0.0) -> None:
        self.distrusted = set(distrusted)
        self._lag = lag
        self._heard: Counter[int] = Counter()
        self._confirmed: set[int] = set()
        self._to_check: dict[int, int] = {}

    def weigh(self, verdict: Verdict) -> Verdict:
        """The verdict; "unknown" in place of a proof that is not believed."""
        outcome = verdict.outcome
        if outcome.state is not State.PENDING or outcome.http_status not in self.distrusted:
            return verdict
        return verdict._replace(outcome=outcome._replace(state=State.UNKNOWN))

    def wait(self, record: Pending, verdict: Verdict, planned: float | None) -> float | None:
        """Seconds until a record is sent again whose answer proves that it was not created.

        Args:
            record: The record; it can only be looked up by its stamp.
            verdict: What the answer proves.
            planned: Seconds that it would wait anyhow; None if it is not sent again in this run.
        """
        status = verdict.outcome.http_status
        if status is None or record.stamp is None or planned is None:
            return planned
        self._heard[status] += 1
        if status in self._confirmed and self._heard[status] % ONE_IN != 0:
            return planned
        self._to_check[record.id] = status
        return max(planned, self._lag)

    def must_check(self, record: Pending) -> bool:
        """Whether a record must be looked up before it is sent."""
        return record.id in self._to_check or record.denied is not None

    def take_check(self, record: Pending) -> int | None:
        """The status that denied a record which must still be looked up; the check is over with that."""
        status = self._to_check.pop(record.id, None)
        if status is not None or record.denied is None or record.stamp is None or record.denied in self._confirmed:
            return status
        return record.denied

    def confirm(self, status: int) -> None:
        """A check ended, and no case was found: those that wait for theirs need none any more."""
        self._confirmed.add(status)
        self.give_up(status)

    def give_up(self, status: int) -> None:
        """A check could not be made, and would not succeed for those that wait for theirs."""
        self._to_check = {record: other for record, other in self._to_check.items() if other != status}
