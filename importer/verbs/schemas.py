"""The JSON Schemas of what the verbs give back, and of mapping files."""

from __future__ import annotations

from typing import Any

from importer.verbs.results import Failed, RunResult, Status


def json_schema(form: str) -> dict[str, Any]:
    """The JSON Schema of ``mapping`` files, of a ``result``, or of what a command prints, such as ``check``."""
    from pydantic import TypeAdapter

    from importer.mapping import json_schema as schema_of_mapping
    from importer.verbs.check import CheckResult
    from importer.verbs.explain import Explanation
    from importer.verbs.rehearse import Rehearsal
    from importer.verbs.try_row import TryResult
    from importer.verbs.verify import VerifyResult

    if form == "mapping":
        return schema_of_mapping()
    forms = {
        "result": RunResult,
        "status": Status,
        "explain": Explanation,
        "check": CheckResult,
        "rehearsal": Rehearsal,
        "verify": VerifyResult,
        "try": TryResult,
        "error": Failed,
    }
    schema = TypeAdapter(forms[form]).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
