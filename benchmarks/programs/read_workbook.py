"""python-calamine over a workbook, and nothing else."""

import sys

from python_calamine import CalamineWorkbook

with CalamineWorkbook.from_path(sys.argv[1]) as book:
    print(sum(1 for _ in book.get_sheet_by_index(0).iter_rows()))
