"""Every row of a ledger and what was in its cells, read once with SQLite, and nothing done with them."""

import sqlite3
import sys
from contextlib import closing

with closing(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)) as connection:
    rows = connection.execute("SELECT * FROM record JOIN content ON content.record = record.id ORDER BY record.id")
    print(sum(1 for _ in rows))
