"""Personal data hidden in what is handed over.

Hidden is every text that came from a cell or from the server: it is shown by its shape, letters as ``x`` and digits as
``9``, or not at all. Shown are keys, case ids, codes, and names of columns, files and mappings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from importer.errors import ConfigError
from importer.ledger.causes import Cause
from importer.ledger.summary import Summary
from importer.ledger.verification import DOUBLE
from importer.models import State

#: Instead of the words of a server, which may repeat anything that was sent.
HIDDEN = "hidden by --mask"
#: What our texts quote; an apostrophe inside a word neither begins nor ends it.
_QUOTED = re.compile(r"(?<!\w)'.+?'(?!\w)|\".+?\"", re.DOTALL)
_WORD = re.compile(r"\w{3,}")
_WITH_CONTENTS = (
    "failures*.csv",
    "failures*.xlsx",
    "results*.csv",
    "notes-without-case*.csv",
    "case-updates*.csv",
    "verified*.csv",
)
#: Causes whose words are ours.
_OURS = (State.INVALID, State.SKIPPED)


def mask(text: str) -> str:
    """The shape of a text: ``ana@example.com`` is ``xxx@xxxxxxx.xxx``."""

    def shape(character: str) -> str:
        if character.isnumeric():
            return "9"
        if character.isalpha():
            return "X" if character.isupper() else "x"
        return character if character.isascii() else "·"

    return "".join(map(shape, text))


def masked(summary: Summary) -> Summary:
    """What a ledger says, without personal data."""
    sources = []
    for source in summary.sources:
        files = (replace(file, path=Path(file.path).name) for file in source.note_files)
        sources.append(replace(source, note_files=tuple(files)))
    found = summary.verification
    if found is not None:
        examples = (
            line
            if line.verdict == DOUBLE  # what was found is a case id
            else replace(line, sent=line.sent and mask(line.sent), found=line.found and mask(line.found))
            for line in found.examples
        )
        found = replace(found, examples=tuple(examples))
    return replace(
        summary,
        ledger=Path(summary.ledger).name,
        sources=tuple(sources),
        causes=tuple(map(_masked_cause, summary.causes)),
        verification=found,
    )


def _masked_cause(cause: Cause) -> Cause:
    if cause.state not in _OURS or cause.code == "resolved":  # a person's reason
        return replace(cause, example=mask(cause.example), rule=HIDDEN)
    secret = set(_WORD.findall(cause.example))

    def without(text: str) -> str:
        """Our own text without the values that it quotes, and without the words of the cell."""
        text = _QUOTED.sub(lambda quoted: mask(quoted[0]), text)
        return _WORD.sub(lambda word: mask(word[0]) if word[0] in secret else word[0], text)

    return replace(cause, example=mask(cause.example), rule=without(cause.rule), hint=without(cause.hint))


def refuse_unmasked(folder: Path, kept: Sequence[str]) -> None:
    """Make sure that a folder to hand over has no report with the contents of rows, nor one of those that are ``kept``.

    Raises:
        ConfigError: there is one.
    """
    found = sorted(path.name for pattern in (*_WITH_CONTENTS, *kept) for path in folder.glob(pattern))
    if found:
        what = f"the folder has reports with personal data: {', '.join(found)}"
        raise ConfigError(what, where=str(folder), hint="choose another folder for the masked report with --out")
