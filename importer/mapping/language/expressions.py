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
import unicodedata
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from importer.mapping.field_errors import CellError, FormError
from importer.text.wording import listed, nearest

LENGTH_MAX = 1000
#: What is read of the texts of a row's columns, in the order of :attr:`Condition.columns`.
_Read: TypeAlias = "Callable[[Sequence[str]], Any]"

#: A quote that is never closed takes the rest: to look for its end from each quote on would take quadratic time.
_TOKEN = re.compile(r"'[^']*'?|\"[^\"]*\"?|\{[^{}]*\}|[^'\"{]+|.", re.DOTALL)
#: Python's parser is given ``column_in_braces['Due date']`` for ``{Due date}``.
_BRACES = "column_in_braces"
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)")
_HINT = "example: Status == 'open' and not empty({Due date})"

_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
#: Function of texts → how many it takes, what it gives, and how. Besides there is `number`, of a column.
_OF_TEXTS: Mapping[str, tuple[int, type, Callable[..., Any]]] = {
    "empty": (1, bool, operator.not_),
    "contains": (2, bool, operator.contains),
    "startswith": (2, bool, str.startswith),
    "lower": (1, str, str.lower),
}
_FUNCTIONS = (*_OF_TEXTS, "number")


class Condition(NamedTuple):
    """A condition, compiled: the columns that it reads, each once, and the test of their texts without outer spaces.

    The test raises :class:`CellError` for a text that should be a number and is not.
    """

    columns: tuple[str, ...]
    test: Callable[[Sequence[str]], bool]


def parse_condition(text: str) -> Condition:
    """Compiles a condition.

    Raises:
        FormError: It is too long, no expression, or uses something that the language does not have.
    """
    if len(text) > LENGTH_MAX:
        hint = "move part of it into a helper column of the export"
        raise FormError(f"a condition has at most {LENGTH_MAX} characters", hint)
    tokens = _TOKEN.findall(text)
    expression = "".join([_for_python(token) for token in tokens])
    texts = [_is_text(token) for token in tokens if not token.isspace()]
    try:
        if any(before and after for before, after in pairwise(texts)):
            raise SyntaxError("Python would join two texts in a row")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on odd code is not for the writers of mappings
            tree = ast.parse(f"({expression}\n)" if text.strip() else "", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        hint = "write == to compare" if _ASSIGNMENT.search(text) else _HINT
        raise FormError(f"invalid condition: {text!r}", hint) from None
    columns: dict[str, int] = {}
    test = _condition(tree, columns)
    if not columns:
        raise FormError("the condition uses no column", _HINT)
    return Condition(tuple(columns), test)


def _for_python(token: str) -> str:
    """Only what is no text and no column in braces is left to the rules of Python, as these change both."""
    if _is_text(token):
        return f" {token[1:-1]!r} "  # a backslash is one
    if token == "{}":
        raise FormError("'{}' does not name a column", "write {Column}")
    if token.startswith("{") and len(token) > 1:
        return f" {_BRACES}[{token[1:-1]!r}] "
    if token[0] not in "'\"" and not unicodedata.is_normalized("NFKC", token):  # it would be another name, or a space
        words = re.split(r"[\s=!<>(),\[\]]+", token)
        odd = next((word for word in words if not unicodedata.is_normalized("NFKC", word)), "")
        if not odd:
            raise FormError("the condition contains a space that is not a plain one", "type its spaces again")
        raise FormError(f"{odd!r} needs braces", "write {Column}, and use plain signs such as =")
    return token


def _is_text(token: str) -> bool:
    return len(token) > 1 and token[0] in "'\"" and token[0] == token[-1]


# Each of these turns a node into a closure; ``columns`` collects the columns that it reads, with their positions.


def _condition(node: ast.expr, columns: dict[str, int]) -> _Read:
    """A node that is true or false."""
    kind, read = _compiled(node, columns)
    if kind is bool:
        return read
    if _column(node) is not None or isinstance(node, ast.Constant):
        raise FormError("a text alone is not a condition", "compare it, or ask: not empty({Column})")
    raise _unknown(node)


def _text(node: ast.expr, columns: dict[str, int]) -> _Read:
    kind, read = _compiled(node, columns)
    if kind is float:
        raise FormError("expected a text, found a number", "put the number in quotes")
    if kind is bool:
        raise _unknown(node)
    return read


def _compiled(node: ast.expr, columns: dict[str, int]) -> tuple[type, _Read]:
    """Whether a node is a text, a number (float) or a condition (bool), and how it is read."""
    if (column := _column(node)) is not None:
        return str, operator.itemgetter(columns.setdefault(column, len(columns)))
    match node:
        case ast.BoolOp(op=op, values=values):
            tests, joined = [_condition(value, columns) for value in values], all if isinstance(op, ast.And) else any
            return bool, lambda texts: joined(test(texts) for test in tests)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            test = _condition(operand, columns)
            return bool, lambda texts: not test(texts)
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn() as op], comparators=[right]):
            entries, read, is_in = _entries(right), _text(left, columns), isinstance(op, ast.In)
            return bool, lambda texts: (read(texts) in entries) is is_in
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return bool, _comparison(op, left, right, columns)
        case ast.Compare():
            raise FormError("chained comparisons are not supported", "combine two comparisons with `and`")
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _OF_TEXTS:
            count, kind, function = _OF_TEXTS[name]
            if len(args) != count:
                raise FormError(f"{name}() takes {count} argument{'s' * (count > 1)}", _HINT)
            reads = [_text(arg, columns) for arg in args]
            return kind, lambda texts: function(*[read(texts) for read in reads])
        case ast.Call(func=ast.Name(id="number"), args=[arg], keywords=[]) if (column := _column(arg)) is not None:
            name, place = column, columns.setdefault(column, len(columns))
            return float, lambda texts: _number(texts[place], name)
        case ast.Constant(value=str() as text):
            return str, lambda _: text
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float, lambda _: number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return float, lambda _: -number
    raise _unknown(node)


def _column(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id="column_in_braces"), slice=ast.Constant(value=name)):
            return str(name)
    return None


def _comparison(op: ast.cmpop, left: ast.expr, right: ast.expr, columns: dict[str, int]) -> _Read:
    if type(op) not in _COMPARISONS:
        raise FormError("`is` does not compare texts", "write == or !=")
    (kind, first), (other, second), compare = (
        _compiled(left, columns),
        _compiled(right, columns),
        _COMPARISONS[type(op)],
    )
    if bool in (kind, other):
        raise _unknown(left if kind is bool else right)
    if kind is not other:
        raise FormError("a text cannot be compared with a number", "write number({Column}), or the number in quotes")
    return lambda texts: compare(first(texts), second(texts))


def _entries(node: ast.expr) -> set[Any]:
    if not isinstance(node, ast.List | ast.Tuple):
        raise FormError("`in` requires a list", "such as ['open', 'new'], or: contains({Column}, 'word')")
    entries = {entry.value if isinstance(entry, ast.Constant) else None for entry in node.elts}
    if not all(isinstance(entry, str) for entry in entries):
        raise FormError("the list after `in` may contain only texts in quotes", "such as ['open', 'new']")
    return entries


def _number(text: str, column: str) -> float:
    """The number; an empty text is neither less nor more than any number, nor equal to one."""
    if not text:
        return math.nan
    if _NUMBER.fullmatch(text) is None:
        raise CellError("not_a_number", column=column, text=text)
    return float(text)


def _unknown(node: ast.expr) -> Exception:
    functions = listed(f"{name}()" for name in _FUNCTIONS)
    match node:
        case ast.Call(func=ast.Name(id=name)) if name not in _FUNCTIONS:
            return FormError(f"unknown function {name!r}", nearest(name, _FUNCTIONS, otherwise=functions))
        case ast.Call(func=ast.Name(id=name)):
            return FormError(f"{name}() cannot be used like this", f"supported: {functions}")
    what = "this expression is not supported in a condition"
    return FormError(what, f"supported: comparisons, and, or, not, in, and the functions {functions}")


# -- conditions of an export -----------------------------------------------------------------------
