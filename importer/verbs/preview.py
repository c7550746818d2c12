"""The exact JSON that would be sent, without sending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from importer.intake.export import ExportOptions
from importer.mapping import Mapping
from importer.models import StrPath
from importer.verbs.check import preview_export
from importer.verbs.plain import in_thread
from importer.verbs.results import PreviewRow

if TYPE_CHECKING:
    from pandas import DataFrame


def preview(
    source: StrPath | DataFrame, mapping: StrPath | Mapping, *, count: int = 5, **options: Unpack[ExportOptions]
) -> list[PreviewRow]:
    """The first ``count`` rows as they would be sent; ``options`` as in :func:`check`.

    Raises:
        SourceError: the file cannot be read.
        MappingError: the mapping is not valid or does not fit.
    """
    return list(preview_export(source, mapping, count=count, **options).rows)


preview_async = in_thread(preview)
