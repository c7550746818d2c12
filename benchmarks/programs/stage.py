"""Pass 1 alone: read, map, validate, and enter into a new ledger."""

import sys
from pathlib import Path

from importer.errors import ExitCode
from importer.ledger import Ledger
from importer.look import open_both
from importer.stage import stage_source

export, mapping, path = sys.argv[1:]
source, loaded = open_both(export, mapping, {})
with Ledger(Path(path), verb="run") as ledger:
    info = stage_source(ledger, source, loaded, progress=lambda share, rows: None)
    ledger.exit_code = ExitCode.OK
print(info.rows)
