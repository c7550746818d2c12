"""Conditions: a small expression over the texts of a row, such as ``Status == 'open' and not empty({Due date})``.

The text is parsed by Python's own parser and never run: each node of the tree must be one of those below, and
becomes a closure. There are no attributes, no calls but five functions, no arithmetic, no patterns, nothing that
could take long.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from importer.mapping.field_errors import CellError
from importer.mapping.problems import Malformed, listed, nearest
from importer.models import FieldError

if TYPE_CHECKING:
    from importer.mapping.schema import SourceForm
    from importer.mapping.sources import Binding, Cells
    from importer.yaml_places import NodePath

LENGTH_MAX = 1000
Texts: TypeAlias = "tuple[str, ...]"
_Read: TypeAlias = "Callable[[Texts], Any]"

_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\{[^{}]*\}|[^'\"{]+|.", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)")
_HINT = "example: Status == 'open' and not empty({Due date})"

_ORDERS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = MappingProxyType(
    {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
    }
)


class Condition(NamedTuple):
    """A condition, compiled.

    Attributes:
        columns: The columns that it reads, each once.
        test: The texts of these columns, without spaces around them, → whether it is met. Raises
            :class:`CellError` for a text that should be a number and is not.
    """

    columns: tuple[str, ...]
    test: Callable[[Texts], bool]


def parse_condition(text: str) -> Condition:
    """Compiles a condition.

    Raises:
        Malformed: It is too long, no expression, or uses something that the language does not have.
    """
    if len(text) > LENGTH_MAX:
        hint = "move part of it into a helper column of the export"
        raise Malformed(f"a condition has at most {LENGTH_MAX} characters", hint)
    columns: list[str] = []
    prefix = "column_"
    while prefix in text:
        prefix = f"_{prefix}"
    expression = "".join(_with_placeholder(token, columns, prefix) for token in _TOKEN.findall(text))
    test = _Compiler(columns, prefix).condition(_tree(expression, text))
    if not columns:
        raise Malformed("the condition uses no column", _HINT)
    return Condition(tuple(columns), test)


def _with_placeholder(token: str, columns: list[str], prefix: str) -> str:
    if not token.startswith("{") or len(token) == 1:
        return token
    if not (name := token[1:-1]):
        raise Malformed("'{}' does not name a column", "write {Column}")
    return f" {prefix}{_position(name, columns)} "


def _position(column: str, columns: list[str]) -> int:
    if column not in columns:
        columns.append(column)
    return columns.index(column)


def _tree(expression: str, text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on odd code is not for the writers of mappings
            return ast.parse(f"({expression}\n)" if text.strip() else "", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        hint = "write == to compare" if _ASSIGNMENT.search(text) else _HINT
        raise Malformed(f"invalid condition: {text!r}", hint) from None


class _Operand(NamedTuple):
    """A text or a number, and how it is read."""

    kind: str
    read: _Read


class _Compiler:
    """Turns nodes into closures, and collects the columns that they read.

    Args:
        columns: Those that were written in braces; the others are added.
        prefix: Of the names that stand for columns in braces.
    """

    def __init__(self, columns: list[str], prefix: str) -> None:
        self._columns = columns
        self._prefix = prefix

    def condition(self, node: ast.expr) -> Callable[[Texts], bool]:
        """A node that is true or false."""
        match node:
            case ast.BoolOp(op=op, values=values):
                return _joined(op, [self.condition(value) for value in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.condition(operand)
                return lambda texts: not inner(texts)
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _TESTS:
                return _call(name, [self._text(arg) for arg in self._counted(name, args, _TESTS[name][0])])
            case ast.Name() | ast.Constant():
                raise Malformed("a text alone is not a condition", "compare it, or ask: not empty({Column})")
        raise _unknown(node)

    def _comparison(self, node: ast.Compare) -> Callable[[Texts], bool]:
        if len(node.ops) != 1:
            raise Malformed("chained comparisons are not supported", "combine two comparisons with `and`")
        op, right = node.ops[0], node.comparators[0]
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(op, node.left, right)
        if type(op) not in _ORDERS:
            raise Malformed("`is` does not compare texts", "write == or !=")
        return _ordered(_ORDERS[type(op)], self._operand(node.left), self._operand(right))

    def _membership(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Callable[[Texts], bool]:
        if not isinstance(right, ast.List | ast.Tuple):
            raise Malformed("`in` requires a list", "such as ['open', 'new'], or: contains({Column}, 'word')")
        if not all(isinstance(entry, ast.Constant) and isinstance(entry.value, str) for entry in right.elts):
            raise Malformed("the list after `in` may contain only texts in quotes", "such as ['open', 'new']")
        entries = frozenset(entry.value for entry in right.elts if isinstance(entry, ast.Constant))
        read = self._text(left)
        if isinstance(op, ast.In):
            return lambda texts: read(texts) in entries
        return lambda texts: read(texts) not in entries

    def _text(self, node: ast.expr) -> _Read:
        kind, read = self._operand(node)
        if kind != "text":
            raise Malformed("expected a text, found a number", "put the number in quotes")
        return read

    def _operand(self, node: ast.expr) -> _Operand:
        match node:
            case ast.Constant(value=str() as text):
                return _Operand("text", lambda _: text)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return _Operand("number", lambda _: number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return _Operand("number", lambda _: -number)
            case ast.Name(id=name):
                return _Operand("text", operator.itemgetter(self._column(name)))
            case ast.Call(func=ast.Name(id="lower"), args=args, keywords=[]):
                read = self._text(self._counted("lower", args, 1)[0])
                return _Operand("text", lambda texts: read(texts).lower())
            case ast.Call(func=ast.Name(id="number"), args=[ast.Name(id=name)], keywords=[]):
                position = self._column(name)
                return _Operand("number", lambda texts: _number(texts[position], name))
        raise _unknown(node)

    def _column(self, name: str) -> int:
        if name.startswith(self._prefix):
            return int(name.removeprefix(self._prefix))
        return _position(name, self._columns)

    @staticmethod
    def _counted(name: str, args: list[ast.expr], count: int) -> list[ast.expr]:
        if len(args) != count:
            raise Malformed(f"{name}() takes {count} argument{'s' * (count > 1)}", _HINT)
        return args


#: Function → how many texts it takes, and what it says about them.
_TESTS: Mapping[str, tuple[int, Callable[..., bool]]] = MappingProxyType(
    {"empty": (1, operator.not_), "contains": (2, operator.contains), "startswith": (2, str.startswith)}
)
_FUNCTIONS = (*_TESTS, "lower", "number")


def _call(name: str, reads: list[_Read]) -> Callable[[Texts], bool]:
    function = _TESTS[name][1]
    if len(reads) == 1:
        (only,) = reads
        return lambda texts: function(only(texts))
    first, second = reads
    return lambda texts: function(first(texts), second(texts))


def _joined(op: ast.boolop, tests: list[Callable[[Texts], bool]]) -> Callable[[Texts], bool]:
    if isinstance(op, ast.And):
        return lambda texts: all(test(texts) for test in tests)
    return lambda texts: any(test(texts) for test in tests)


def _ordered(compare: Callable[[Any, Any], bool], left: _Operand, right: _Operand) -> Callable[[Texts], bool]:
    if left.kind != right.kind:
        raise Malformed("a text cannot be compared with a number", "write number({Column}), or the number in quotes")
    first, second = left.read, right.read
    return lambda texts: compare(first(texts), second(texts))


def _number(text: str, column: str) -> float:
    """The number; an empty text is neither less nor more than any number, nor equal to one."""
    if not text:
        return math.nan
    if _NUMBER.fullmatch(text) is None:
        rule = "is not a number, but a condition compares it with one"
        raise CellError("not_a_number", rule, "fix the cell", column=column, text=text)
    return float(text)


def _unknown(node: ast.expr) -> Malformed:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name not in _FUNCTIONS:
            return Malformed(f"unknown function {name!r}", nearest(name, _FUNCTIONS, otherwise=f"{_functions()}"))
        case ast.Call(func=ast.Name(id=name)):
            return Malformed(f"{name}() cannot be used like this", f"supported: {_functions()}")
    what = "this expression is not supported in a condition"
    return Malformed(what, f"supported: comparisons, and, or, not, in, and the functions {_functions()}")


def _functions() -> str:
    return listed(f"{name}()" for name in _FUNCTIONS)


# -- conditions of an export -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BoundCondition:
    """A condition that knows where its columns are.

    Attributes:
        columns: The columns that it reads, each once.
        met: The cells of a row → whether the condition is met. Raises :class:`CellError`.
    """

    columns: tuple[str, ...]
    met: Callable[[Cells], bool]


def bind_condition(text: str | None, binding: Binding, *, path: NodePath) -> BoundCondition | None:
    """The condition at ``path``; None for no text."""
    if text is None:
        return None
    condition, filled = parse_condition(text), binding.filled
    positions = [binding.header.position(column, path=path) for column in condition.columns]

    def met(cells: Cells) -> bool:
        return condition.test(tuple([filled(cells[position]).strip() for position in positions]))

    return BoundCondition(condition.columns, met)


def filter_reasons(source: SourceForm) -> tuple[str, ...]:
    """All reasons why a row can be filtered, one for each condition."""
    said = (("only", "not met", source.only), ("skip", "met", source.skip))
    return tuple(f"source.{name} is {outcome}: {text}" for name, outcome, text in said if text is not None)


class RowFilter:
    """Which rows of an export become cases: `only` and `skip`.

    Args:
        source: What the mapping says.
        binding: The export.
    """

    def __init__(self, source: SourceForm, binding: Binding) -> None:
        bound = [
            (name, bind_condition(text, binding, path=("source", name)))
            for name, text in (("only", source.only), ("skip", source.skip))
        ]
        self._conditions = [(name, condition) for name, condition in bound if condition is not None]
        self._reasons = filter_reasons(source)
        self._columns = {column for _, condition in self._conditions for column in condition.columns}

    def reason(self, cells: Cells, spoiled: Collection[str | None], errors: list[FieldError]) -> str | None:
        """Why a row is filtered; None if it is not. What keeps this from being decided goes to ``errors``.

        Args:
            cells: The row.
            spoiled: Columns whose cells mean nothing; None among them for the whole row.
            errors: Gets field errors.
        """
        if not self._conditions:
            return None
        is_open = None in spoiled or not self._columns.isdisjoint(spoiled)
        for (name, condition), reason in zip(self._conditions, self._reasons, strict=True):
            try:
                is_met = condition.met(cells)
            except CellError as error:
                errors.append(error.at(None, "", target=f"source.{name}"))
                is_open = True
                continue
            if is_met is (name == "skip") and not is_open:
                return reason
        return None
