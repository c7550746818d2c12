"""What the process has loaded that children are forked from (see :mod:`launching`): all that a command could load.

Only what depends on nothing but the program's own files: no thread, no connection, no setting. What a command loads
when it is started as the shell starts it, is tested with :meth:`program.Program.start`.
"""

from __future__ import annotations

import getpass
import pkgutil
import stringprep
from encodings import idna, unicode_escape, utf_8_sig, utf_16_le
from importlib import import_module

import jinja2
import pandas
import pytest
import python_calamine
import tqdm
import uvloop
import xlsxwriter
import xlwt
from odf import opendocument, table, text
from ruamel.yaml import mergevalue

import importer
from importer.checks import file_checks
from importer.mapping import field_errors, html
from importer.report import page
from importer.suggest import headers

__all__ = ["getpass", "idna", "jinja2", "mergevalue", "pandas", "pytest", "python_calamine", "stringprep", "tqdm"]
__all__ += ["unicode_escape", "utf_8_sig", "utf_16_le", "uvloop", "xlsxwriter"]
__all__ += ["opendocument", "table", "text", "xlwt"]  # of the tests that read a file in a process of its own

for module in pkgutil.walk_packages(importer.__path__, "importer."):
    if not module.name.endswith("__main__"):
        import_module(module.name)

# The page of a report is a template, and to compile it takes as long as all the rest of a small run.
page._template()
field_errors._texts()
file_checks._words()
headers.load_vocabulary()
html._library()
