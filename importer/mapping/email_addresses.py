"""Addresses as mail programs write them: ``Ana Costa <ana@example.com>``, or several in one cell."""

from __future__ import annotations

import re
from typing import NamedTuple

EMAIL_MAX = 254
_ATOM = r"[^\s\x00-\x20\x7f@.,;:<>()\[\]\\\"]+"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")
_NAMED = re.compile(r"\s*(?P<name>[^<>]{0,200})<(?:mailto:)?(?P<address>[^<>]{1,254})>")
_ALONE_FIRST = re.compile(r"\s*(?P<address>[^\s,;<>]{1,254})\s?[,;]")
_BETWEEN = re.compile(r"[,;\s]+")


class Address(NamedTuple):
    """The first address of a cell: a name, which may be empty, the address itself, and whether there are others."""

    name: str
    address: str
    others: bool


def is_email(text: str) -> bool:
    """Whether ``text`` is one address and nothing else."""
    return len(text) <= EMAIL_MAX and _EMAIL.fullmatch(text) is not None


def first_address(text: str) -> Address | None:
    """The first address in a cell; None if it does not begin with one, be it behind a name or alone."""
    alone = _ALONE_FIRST.match(text)
    if alone and is_email(alone["address"]):
        return Address("", alone["address"], "@" in text[alone.end() :])
    named = _NAMED.match(text)
    if named:
        address, name, rest = named["address"].strip(), named["name"].strip().strip("\"'").strip(), text[named.end() :]
    else:
        address, *others = _BETWEEN.split(text.strip(), maxsplit=1)
        name, rest = "", "".join(others)
    if not is_email(address):
        return None
    return Address("" if name == address else name, address, "@" in rest)
