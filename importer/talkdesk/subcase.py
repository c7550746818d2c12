"""A body that makes its case a subcase. Apart from the types of a case, which take long to load."""

from __future__ import annotations

import orjson

_BEFORE = ("title", "description")


def with_parent(body: bytes, case_id: str) -> bytes:
    """A body that makes its case a subcase of ``case_id``; its fields stay in their order."""
    case = orjson.loads(body)
    case.pop("parent_id", None)
    before = {name: case.pop(name) for name in _BEFORE if name in case}
    return orjson.dumps({**before, "parent_id": case_id, **case})
