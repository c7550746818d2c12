"""Which files, sheets and columns a failures file has."""

from __future__ import annotations

import re

FILE_NAME = re.compile(r"failures(?:-[0-9]+)?\.(?:csv|xlsx)")


RECORD_COLUMN = "importer_record"


REASON_COLUMNS = (
    *(RECORD_COLUMN, "importer_row", "importer_state", "importer_code"),
    *("importer_column", "importer_reason", "importer_hint", "importer_retry"),
)


#: Of the columns that failures.xlsx has behind those of the user; the rest is the name of that column.
SUGGESTED = "importer_suggested: "


#: No hyphen: a ledger with the id 1234567e would be a number in scientific notation to a spreadsheet. An ``x`` at the
#: end says that the row is one of failures.xlsx, where text needs no escapes.
_RECORD = re.compile(r"([0-9a-f]{8})_([1-9][0-9]{0,17})(x?)", re.ASCII)
