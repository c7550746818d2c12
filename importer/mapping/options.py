"""Options of a custom field: the label that stands in an export → the key that Talkdesk takes."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from importer.mapping.cell_errors import CellError
from importer.mapping.problems import listed
from importer.talkdesk.fields import FieldDefinition, Option

_DIGITS_MAX = 15  # as many as any reader of JSON keeps


class Options:
    """The options of one field.

    Labels are compared without regard to upper and lower case, or to how many blanks stand between words. A key is
    taken too, unless the same text is a label.

    Args:
        definition: The field.
    """

    def __init__(self, definition: FieldDefinition) -> None:
        self._field = f"{definition.name!r} ({definition.key})"
        self._root = _Level(definition.options)
        self._numbered = {_number(option.key): option.key for option in definition.options if _is_number(option.key)}

    def key_of(self, text: str) -> str:
        """The key of the option that ``text`` means. Raises :class:`CellError`."""
        return self._chosen(self._root, text).key

    def number_of(self, text: str) -> int:
        """The key of the option that ``text`` means, as a number; it may be that number. Raises :class:`CellError`."""
        is_option = self._root.find(text)
        key = self.key_of(text if is_option else self._numbered.get(_number(text.strip()), text))
        if not _is_number(key):
            rule = f"is the option {key!r} of {self._field}, whose key is not a number"
            raise CellError("not_an_integer", rule, "remove `type: integer` from this field")
        return int(key)

    def path_of(self, texts: Iterable[str]) -> list[str]:
        """The keys from the root to a leaf, or to some option on the way there. Raises :class:`CellError`."""
        level = self._root
        keys: list[str] = []
        for text in texts:
            option = self._chosen(level, text, part_of_path=True)
            keys.append(option.key)
            level = _Level(option.children, f" below {option.label!r}")
        return keys

    def _chosen(self, level: _Level, text: str, *, part_of_path: bool = False) -> Option:
        found = level.find(text)
        if len(found) == 1:
            return found[0]
        what = f"has {text!r} in it, which is" if part_of_path else "is"
        if found:
            keys = listed(option.key for option in found)
            rule = f"{what} the label of several options of {self._field}: {keys}"
            raise CellError("ambiguous_option", rule, "name the key of the one that is meant, with a `values:` table")
        raise CellError("unknown_option", f"{what} no option of {self._field}{level.place}", level.nearest(text))


class _Level:
    """Options that can be chosen from at one point; ``place`` says after which choice."""

    def __init__(self, options: tuple[Option, ...], place: str = "") -> None:
        self.place = place
        self._labels: dict[str, list[Option]] = {}
        self._keys = {option.key: option for option in options}
        for option in options:
            self._labels.setdefault(_folded(option.label), []).append(option)

    def find(self, text: str) -> list[Option]:
        """The options that ``text`` may mean."""
        text = text.strip()
        return self._labels.get(_folded(text)) or [self._keys[key] for key in (text,) if key in self._keys]

    def nearest(self, text: str) -> str:
        """A hint: the labels closest to ``text``, or those that there are."""
        if not self._labels:
            return "leave it out: there is nothing to choose from"
        labels = {folded: options[0].label for folded, options in self._labels.items()}
        if close := get_close_matches(_folded(text), labels, n=3, cutoff=0.6):
            return f"did you mean {' or '.join(repr(labels[folded]) for folded in close)}?"
        return f"it has: {listed(map(repr, labels.values()))}; translate with a `values:` table"


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= _DIGITS_MAX


def _number(key: str) -> str:
    return key.lstrip("0") or "0"


def _folded(label: str) -> str:
    return " ".join(label.split()).casefold()
