"""Rows that a mapping leaves out on purpose: `only` and `skip` of its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from importer.mapping.binding import Binding
from importer.mapping.parts import Cells, Find
from importer.mapping.spec import SourceForm
from importer.mapping.when import Test, bind_test
from importer.models import FieldError


class Choice(NamedTuple):
    """Which rows of an export are meant.

    Attributes:
        left_out: The cells of a row → why it is left out; None if it is not. Raises :class:`CellError`.
        problems: What keeps this from being decided.
        columns: The columns that decide.
    """

    left_out: Callable[[Cells], str | None]
    problems: Find
    columns: frozenset[str]


def reasons(source: SourceForm) -> tuple[str, ...]:
    """All that can be the reason why a row is left out, one for each condition."""
    said = (("only", "not met", source.only), ("skip", "met", source.skip))
    return tuple(f"source.{name} is {outcome}: {text}" for name, outcome, text in said if text is not None)


def bind_choice(source: SourceForm, binding: Binding) -> Choice | None:
    """The choice that a mapping makes among the rows of an export; None if all of them are meant."""
    tests = []
    for name, text in (("only", source.only), ("skip", source.skip)):
        if text is not None:
            path = ("source", name)
            tests.append((bind_test(text, binding=binding, path=path, target=".".join(path)), name == "skip"))
    return _choice(tests, reasons(source)) if tests else None


def _choice(tests: list[tuple[Test, bool]], why: tuple[str, ...]) -> Choice:
    decisions = [(test.met, leaves_out, reason) for (test, leaves_out), reason in zip(tests, why, strict=True)]

    def left_out(cells: Cells) -> str | None:
        for met, leaves_out, reason in decisions:
            if met(cells) is leaves_out:
                return reason
        return None

    def problems(cells: Cells) -> Iterator[FieldError]:
        for test, _ in tests:
            yield from test.problems(cells)

    return Choice(left_out, problems, frozenset().union(*(test.columns for test, _ in tests)))
