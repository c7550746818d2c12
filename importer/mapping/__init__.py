"""Mapping file → how each row of an export becomes a Talkdesk case, or field errors. No network.

To be read in this order:

- ``schema`` and ``case_schema`` are what a mapping file may say, as pydantic models. They are called *forms*, and their
  docstrings are the descriptions in the published schema. ``loader`` finds and reads a file, with ``yaml_places`` for
  line and column: a :class:`Mapping` is right in itself. ``field_errors`` collects what is wrong.
- ``mapper`` has :class:`RowMapper`: a mapping *bound* to the header of an export. A mapping is checked when it is
  loaded, by binding it to a header that has every column.
- ``values`` has the one way from a row to a value, ``Field.read_all``: *input* (``inputs``: the columns, the template
  or the lookup that give a text, if the row meets the ``conditions``), *table* or *type* (``converters``, ``dates``,
  ``html``, ``addresses``), default, and what the *target* takes, which is the field of the case with its limits. What
  does not fit is a ``CellError``, which becomes a field error once the cell is known.
- ``notes`` binds values to entries, little rows with a header of their own: parts of cells, or rows of another file.
  ``after_create`` makes case updates. ``custom_fields`` knows the fields of an account, ``named_files`` the files that
  a mapping names, ``builtin`` the mappings that come with the program.
"""

from importer.mapping.language.case_forms import json_schema
from importer.mapping.loader import Mapping, load_mapping
from importer.mapping.mapper import RowMapper

__all__ = ["Mapping", "RowMapper", "json_schema", "load_mapping"]
