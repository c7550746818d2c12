"""The rows of an export as text, and nothing done with them."""

import sys

from importer.source import open_source

print(sum(1 for chunk in open_source(sys.argv[1]).chunks() for _ in chunk.rows()))
