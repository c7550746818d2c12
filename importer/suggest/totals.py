"""Lines at the end of an export that are sums or remarks, and would become cases."""

from __future__ import annotations

from importer.quality.file_checks import FileIssue, total_lines
from importer.quality.profile import LAST_ROWS, FileProfile
from importer.reader import Reader


def find_total_lines(source: Reader) -> FileIssue | None:
    """What is said about the last lines of an export, if they look like no tickets."""
    profile = FileProfile(source.columns, lambda _: ())
    for chunk in source.chunks():
        profile.last_rows.extend(list(chunk.rows())[-LAST_ROWS:])
    return total_lines(profile)
