"""The bytes that the importer would send for an export, one body a line."""

import sys

from importer import preview

export, mapping, out, count = sys.argv[1:]
with open(out, "wb") as file:
    for row in preview(export, mapping, count=int(count)):
        assert row.body is not None, row.errors
        file.write(row.body + b"\n")
