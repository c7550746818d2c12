"""Which rows a person may ask to have sent again."""

from __future__ import annotations

from collections.abc import Collection

from importer.errors import ConfigError
from importer.models import State

#: Of skipped rows, those that the mapping left out.
_RETRYABLE = frozenset({State.REFUSED, State.PENDING, State.INVALID, State.SKIPPED})
#: What only another mapping can put right.
_OF_MAPPING = frozenset({State.INVALID, State.SKIPPED})


def retryable(states: Collection[State] | None, *, has_mapping: bool) -> frozenset[State]:
    """The states whose rows are sent again: all that may be, or those that a person names.

    Args:
        states: What the person named; None for nothing.
        has_mapping: Whether there is a new mapping.

    Raises:
        ConfigError: rows in one of these states cannot be sent again, or not without a new mapping.
    """
    if states is None:
        return _RETRYABLE if has_mapping else _RETRYABLE - _OF_MAPPING
    wanted = frozenset(states)
    if wanted - _RETRYABLE:
        names = ", ".join(sorted(wanted - _RETRYABLE))
        raise ConfigError(
            f"rows in state {names} cannot be sent again",
            hint="retry works for refused, pending and invalid rows, and for skipped ones that the mapping left out",
        )
    if wanted & _OF_MAPPING and not has_mapping:
        names = " and ".join(sorted(wanted & _OF_MAPPING))
        raise ConfigError(f"{names} rows stay so under the same mapping", hint="give the new one with --mapping")
    return wanted
