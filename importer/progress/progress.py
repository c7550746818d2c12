"""How a run tells what it does: to a terminal, to a log file, to a caller of the library, or to nobody."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import ExitCode
from importer.models import CaseUpdateState, Notice, State

if TYPE_CHECKING:
    from importer.ledger.totals import Totals


class Progress:
    """Is told what a run does, as it does it. Nothing comes of it here; override what is of interest.

    A method must be quick and must not fail. All are called in the thread of the event loop, but for :meth:`read`.
    """

    def begun(self, *, command: str, source: str, mapping: str, target: str, ledger: Path) -> None:
        """A run begins; ``target`` is where cases will be created."""

    def read(self, share: float, rows: int) -> None:
        """``rows`` rows have been read so far: the given share (0 to 1) of the source."""

    def staged(self, counts: Counter[State]) -> None:
        """All rows are in the ledger, in these states; nothing was sent yet."""

    def sending(self, total: int) -> None:
        """``total`` records are about to be sent."""

    def settled(self, state: State) -> None:
        """One record reached ``state``, and that is on disk."""

    def updating(self, total: int) -> None:
        """``total`` case updates are about to be sent."""

    def updated(self, state: CaseUpdateState) -> None:
        """One of these updates reached ``state``, and that is on disk."""

    def verifying(self, total: int) -> None:
        """``total`` cases are about to be read back."""

    def verified(self, cases: int) -> None:
        """So many more cases were compared, and that is on disk."""

    def notice(self, notice: Notice) -> None:
        """Something that a person should know now."""

    def ended(self, exit_code: ExitCode, totals: Totals) -> None:
        """The run has ended, and its reports are written."""
