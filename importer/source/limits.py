"""How much a source may ask of the machine."""

from __future__ import annotations

#: Rows of a chunk unless told otherwise. Small chunks are faster and lighter than large ones: they stay in the caches.
CHUNK_ROWS = 500

#: Bytes taken from a text file at a time.
BLOCK_BYTES = 64 * 1024

#: Characters of one cell, and bytes of one line of a text file, as UTF-8. More is an unclosed quote or no text at all.
LONGEST_CELL = 16 * 1024 * 1024

#: Bytes a packed workbook may unpack to.
MOST_UNPACKED_BYTES = 4 * 1024**3

#: How many times larger than the file its contents may be, once they are larger than :data:`HARMLESS_BYTES`.
MOST_RATIO = 200
HARMLESS_BYTES = 200 * 1024**2

#: Cells that the rectangle from the first to the last cell of a sheet may span. The reader takes 32 bytes for each.
MOST_SPANNED_CELLS = 128 * 1024**2

#: Rows and columns of the largest sheets there are.
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
