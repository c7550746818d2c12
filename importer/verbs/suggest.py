"""An export without a mapping gets one."""

from __future__ import annotations

import os
from collections.abc import Mapping as Mapping_
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from importer.models import StrPath
from importer.reader import ReadingOptions, open_reader
from importer.verbs.plain import in_thread

if TYPE_CHECKING:
    from pandas import DataFrame

    from importer.suggest.suggestion import Suggestion


def suggest_mapping(
    source: StrPath | DataFrame,
    *,
    answers: StrPath | Mapping_[str, str] | None = None,
    earlier: StrPath | None = None,
    folder: StrPath | None = None,
    **reading: Unpack[ReadingOptions],
) -> Suggestion:
    """A first mapping for an export; every guess in it is marked and explained.

    Args:
        source: File or DataFrame; its first 20,000 rows are read.
        answers: What a person says about columns: column → field, or a file with lines such as ``Subject = title``.
        folder: Where the mapping will be: files that it names are called from there. By default the current folder.
        earlier: The profile that was kept with an earlier mapping; its answers count for unchanged columns.
        reading: ``sheet``, ``encoding``, ``delimiter``.

    Raises:
        SourceError: the file cannot be read.
        MappingError: no mapping can be made for its columns.
        ConfigError: the answers or the profile cannot be read, or are about columns that the export does not have.
    """
    from importer.suggest.answers import Answers, load_profile, read_answers
    from importer.suggest.suggesting import suggest

    path = Path(source) if isinstance(source, str | os.PathLike) else None
    said = read_answers(Path(answers)) if isinstance(answers, str | os.PathLike) else Answers(answers or {})
    return suggest(
        open_reader(source, **reading),
        path=path,
        answers=said,
        earlier=load_profile(Path(earlier)) if earlier is not None else None,
        folder=None if folder is None else Path(folder),
    )


suggest_mapping_async = in_thread(suggest_mapping)
