"""Mapping file → how each row of an export becomes a Talkdesk case, or field errors. No network.

The trip of a mapping: ``load`` finds and reads the file, ``yaml_nodes`` turns it into nodes, ``spec`` says what
may stand in it, ``plan`` compiles it, ``bind`` joins it with the columns of an export into a :class:`RowMapper`.
"""

from importer.mapping.bind import RowMapper
from importer.mapping.load import Mapping, load_mapping
from importer.mapping.spec_case import json_schema

__all__ = ["Mapping", "RowMapper", "json_schema", "load_mapping"]
