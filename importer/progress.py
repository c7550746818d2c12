"""How a run tells what it does: to a terminal, to JSON lines, or to nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from importer.models import CaseUpdateState, State


class Observer(Protocol):
    """Is told what a run does, as it does it. Must be quick and must not fail."""

    def begun(self, *, source: str, mapping: str, target: str, ledger: Path) -> None:
        """A run begins; ``target`` is where cases will be created."""
        ...

    def read(self, share: float, rows: int) -> None:
        """``rows`` rows have been read so far: the given share (0 to 1) of the source."""
        ...

    def sending(self, total: int) -> None:
        """``total`` records are about to be sent."""
        ...

    def settled(self, state: State) -> None:
        """One record reached ``state``, and that is on disk."""
        ...

    def following(self, total: int) -> None:
        """``total`` updates with notes for which the first call had no room are about to be sent."""
        ...

    def followed(self, state: CaseUpdateState) -> None:
        """One of these updates reached ``state``, and that is on disk."""
        ...

    def notice(self, text: str) -> None:
        """Something that a person should know now."""
        ...


class Silent:
    """An observer that says nothing."""

    def begun(self, *, source: str, mapping: str, target: str, ledger: Path) -> None:
        """Say nothing."""

    def read(self, share: float, rows: int) -> None:
        """Say nothing."""

    def sending(self, total: int) -> None:
        """Say nothing."""

    def settled(self, state: State) -> None:
        """Say nothing."""

    def following(self, total: int) -> None:
        """Say nothing."""

    def followed(self, state: CaseUpdateState) -> None:
        """Say nothing."""

    def notice(self, text: str) -> None:
        """Say nothing."""
