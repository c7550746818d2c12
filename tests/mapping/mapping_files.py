"""Mappings that the tests begin with. In error messages their file is ``m.yml``."""

from collections.abc import Callable

from importer.mapping import Mapping, RowMapper

HEAD = "version: 1\nsource: {key: ID}\n"
CASE = HEAD + "case:\n  title: T\n  description: D\n"

#: The text of a mapping → the mapping.
Load = Callable[[str], Mapping]
#: The text of a mapping, and columns such as ``A|B|C`` → its mapper.
Bind = Callable[[str, str], RowMapper]
