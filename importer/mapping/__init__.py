"""Mapping file → how each row of an export becomes a Talkdesk case, or field errors. No network.

``loader`` finds and reads the file, ``schema`` and ``case_schema`` say what may be in it, and ``mapper`` binds its
values (``values``, ``notes``, ``after_create``) to the columns of an export: one :class:`RowMapper` for each.
"""

from importer.mapping.case_schema import json_schema
from importer.mapping.loader import Mapping, load_mapping
from importer.mapping.mapper import RowMapper

__all__ = ["Mapping", "RowMapper", "json_schema", "load_mapping"]
