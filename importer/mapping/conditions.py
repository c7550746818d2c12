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
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from importer.mapping.cell_errors import CellError
from importer.mapping.problems import Malformed, listed, nearest

LENGTH_MAX = 1000
Texts: TypeAlias = "tuple[str, ...]"
_Read: TypeAlias = "Callable[[Texts], Any]"

_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\{[^{}]*\}|[^'\"{]+|.", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_HINT = "such as: Status == 'open' and not empty({Due date})"

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
        test: The texts of these columns, without blanks around them, → whether it is met. Raises
            :class:`CellError` for a text that should be a number and is none.
        numbers: Positions in ``columns`` of those that are read as numbers.
    """

    columns: tuple[str, ...]
    test: Callable[[Texts], bool]
    numbers: frozenset[int]

    def is_bad_number(self, texts: Texts, position: int) -> bool:
        """Whether the column at ``position`` is what ``test`` fails for."""
        return position in self.numbers and bool(texts[position]) and not _NUMBER.fullmatch(texts[position])


def parse_condition(text: str) -> Condition:
    """Compiles a condition.

    Raises:
        Malformed: It is too long, no expression, or uses something that the language does not have.
    """
    if len(text) > LENGTH_MAX:
        raise Malformed(f"a condition has at most {LENGTH_MAX} characters", "keep a helper column in the export")
    columns: list[str] = []
    prefix = "column_"
    while prefix in text:
        prefix = f"_{prefix}"
    expression = "".join(_with_placeholder(token, columns, prefix) for token in _TOKEN.findall(text))
    compiler = _Compiler(columns, prefix)
    test = compiler.condition(_tree(expression, text))
    if not columns:
        raise Malformed("this condition reads no column", _HINT)
    return Condition(tuple(columns), test, frozenset(compiler.numbers))


def _with_placeholder(token: str, columns: list[str], prefix: str) -> str:
    if not token.startswith("{") or len(token) == 1:
        return token
    if not (name := token[1:-1]):
        raise Malformed("'{}' names no column", "write {Column}")
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
        raise Malformed(f"this is no condition: {text!r}", _HINT) from None


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
        self.numbers: set[int] = set()

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
                raise Malformed("a text alone is no condition", "compare it, or ask: not empty({Column})")
        raise _unknown(node)

    def _comparison(self, node: ast.Compare) -> Callable[[Texts], bool]:
        if len(node.ops) != 1:
            raise Malformed("only two things can be compared at once", "join two comparisons by `and`")
        op, right = node.ops[0], node.comparators[0]
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(op, node.left, right)
        if type(op) not in _ORDERS:
            raise Malformed("`is` does not compare texts", "write == or !=")
        return _ordered(_ORDERS[type(op)], self._operand(node.left), self._operand(right))

    def _membership(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Callable[[Texts], bool]:
        if not isinstance(right, ast.List | ast.Tuple):
            raise Malformed("behind `in` a list is expected", "such as ['open', 'new'], or: contains({Column}, 'word')")
        if not all(isinstance(entry, ast.Constant) and isinstance(entry.value, str) for entry in right.elts):
            raise Malformed("the list behind `in` holds texts in quotes only", "such as ['open', 'new']")
        entries = frozenset(entry.value for entry in right.elts if isinstance(entry, ast.Constant))
        read = self._text(left)
        if isinstance(op, ast.In):
            return lambda texts: read(texts) in entries
        return lambda texts: read(texts) not in entries

    def _text(self, node: ast.expr) -> _Read:
        kind, read = self._operand(node)
        if kind != "text":
            raise Malformed("a text is expected here, and this is a number", "put the number in quotes")
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
                self.numbers.add(position)
                return _Operand("number", lambda texts: _number(texts[position]))
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


def _number(text: str) -> float:
    """The number; nothing is neither less nor more than any, nor equal to one."""
    if not text:
        return math.nan
    if _NUMBER.fullmatch(text) is None:
        raise CellError("not_a_number", "is not a number, and a condition needs one", "correct the cell")
    return float(text)


def _unknown(node: ast.expr) -> Malformed:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name not in _FUNCTIONS:
            return Malformed(f"there is no function {name!r}", nearest(name, _FUNCTIONS, otherwise=f"{_functions()}"))
        case ast.Call(func=ast.Name(id=name)):
            return Malformed(f"{name}() cannot be used like this", f"there are: {_functions()}")
    what = "this is nothing that a condition can use"
    return Malformed(what, f"there are comparisons, and, or, not, in, and the functions {_functions()}")


def _functions() -> str:
    return listed(f"{name}()" for name in _FUNCTIONS)
