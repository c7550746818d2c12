"""The rows of an export, mapped and validated; nothing is kept."""

import sys
from collections import deque

from importer.look import open_both

export, mapping = sys.argv[1:]
source, loaded = open_both(export, mapping, {})
mapper = loaded.bind(source.columns)
bodies = (mapper.apply(row).body for chunk in source.chunks() for row in chunk.rows())
deque(bodies, maxlen=0)
