"""The sandbox held against Talkdesk's own OpenAPI document, which is no part of this project and is given by its path.

``make contract OPENAPI=…`` runs it; without the document, or without Schemathesis, it says that nothing was checked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sandbox_client import TOKEN, Live

OPENAPI = os.environ.get("CASE_API_OPENAPI")
if not OPENAPI:
    reason = "NOT CHECKED against Talkdesk's OpenAPI document: run `make contract OPENAPI=path-of-the-document`"
    pytest.skip(reason, allow_module_level=True)
schemathesis = pytest.importorskip("schemathesis", reason="NOT CHECKED: Schemathesis is missing; run `make contract`")
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402 (without the document nothing is loaded)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

CASES = "/cm/core/va/cases"
OPERATIONS = {
    *(("POST", CASES), ("GET", CASES), ("DELETE", CASES), ("DELETE", f"{CASES}/deleted-cases")),
    *(("GET", f"{CASES}/{{id}}"), ("PATCH", f"{CASES}/{{id}}"), ("GET", "/cm/meta/va/fields")),
    *(("GET", "/users"), ("GET", "/users/{id}")),
}
#: Of the document, what the sandbox does not have: docs/sandbox.md lists what it has.
NOT_SERVED = {
    *(("GET", "/contacts"), ("GET", f"{CASES}/info"), ("PATCH", "/cm/core/va/notes/{note_id}")),
    ("POST", "/oauth/token"),  # tests/sandbox/test_sandbox_auth.py: its answers follow RFC 6749
}
#: They have nothing that could be wrong but the token.
NEVER_WRONG = {("GET", "/cm/meta/va/fields"), ("GET", "/users/{id}")}


class Document:
    """The document, in which contradictions can be mended."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    def found(self, node: dict[str, Any]) -> dict[str, Any]:
        """A node, or the one that it refers to."""
        while "$ref" in node:
            place = node["$ref"].removeprefix("#/").split("/")
            node = self.content
            for step in place:
                node = node[step]
        return node

    def answer(self, method: str, path: str) -> dict[str, Any]:
        """What a successful operation answers."""
        answers = self.content["paths"][path][method.lower()]["responses"]
        return answers["201" if "201" in answers else "200"]["content"]["application/json"]

    def properties(self, node: dict[str, Any], *names: str) -> dict[str, Any]:
        """The properties of a node, or of a property of it."""
        for name in names:
            node = self.found(self.found(node)["properties"][name])
        return self.found(node)["properties"]

    def body(self, method: str, path: str) -> dict[str, Any]:
        """What a body may have."""
        request = self.content["paths"][path][method.lower()]["requestBody"]
        return self.properties(request["content"]["application/json"]["schema"])

    def parameters(self, method: str, path: str) -> list[dict[str, Any]]:
        return self.content["paths"][path][method.lower()]["parameters"]


def first_page_has_no_neighbours(document: Document) -> None:
    """Links to the page before and the page behind are required of every page, also of a single one."""
    links = document.properties(document.answer("GET", CASES)["schema"])["_links"]
    document.found(links)["required"] = ["self"]


def lists_may_be_empty(document: Document) -> None:
    """Total and count are at least 1, so no search could find nothing."""
    counts = document.properties(document.answer("GET", CASES)["schema"])
    counts["total"]["minimum"] = counts["count"]["minimum"] = 0


def integration_is_a_text(document: Document) -> None:
    """The integration of a requester is declared an object; its example is a text with JSON in it."""
    cases = document.properties(document.answer("GET", CASES)["schema"], "_embedded")["data"]
    document.properties(document.found(cases)["items"])["requester_integration"] = {"type": "string"}


def fields_are_an_array(document: Document) -> None:
    """The list of custom fields is declared one field; the reference page shows an array."""
    answer = document.answer("GET", "/cm/meta/va/fields")
    answer["schema"] = {"type": "array", "items": answer["schema"]}


def status_says_too_little(document: Document) -> None:
    """The example of an update sends ON-HOLD, which is not in the enum; that solving needs a resolution is prose."""
    document.body("PATCH", f"{CASES}/{{id}}")["status"]["enum"] = ["NEW", "OPEN", "PENDING", "ON_HOLD", "ON-HOLD"]


def what_cannot_be_empty(document: Document) -> None:
    """Title, description and the ids to delete may be empty texts; nothing could be done with them."""
    for name in ("title", "description"):
        document.body("POST", CASES)[name]["minLength"] = 1
    for path in (CASES, f"{CASES}/deleted-cases"):
        document.parameters("DELETE", path)[0]["schema"] = {"type": "string", "enum": ["4", "5,6", "999999"]}


def data_of_the_account(document: Document) -> None:
    """Which owners, parents and custom fields there are says the account, not the document."""
    for method, path in (("POST", CASES), ("PATCH", f"{CASES}/{{id}}")):
        for name in ("owner_id", "parent_id", "custom_fields"):
            document.body(method, path).pop(name)
    for method, path, ids in (("GET", f"{CASES}/{{id}}", ["1", "2", "999"]), ("PATCH", f"{CASES}/{{id}}", ["1"])):
        ident = next(each for each in document.parameters(method, path) if each["name"] == "id")
        ident["schema"] = {"type": "string", "enum": ids}


def filters_that_are_refused(document: Document) -> None:
    """Filters that the sandbox does not have it refuses, and does not ignore; times are two, from and to."""
    gone = {"agent_name", "agent_email", "requester_type", "requester_phone", "about", "custom_fields"}
    gone |= {"create_at", "update_at", "status", "priority", "type", "ids"}
    kept = [each for each in document.parameters("GET", CASES) if each["name"] not in gone]
    document.content["paths"][CASES]["get"]["parameters"] = kept


def numbers_have_an_end(document: Document) -> None:
    """A page of users may have any number of digits."""
    for each in document.parameters("GET", "/users"):
        if each["name"] == "page":
            each["schema"]["maximum"] = 2**63 - 1


#: In the document, what contradicts itself, its examples or the reference pages, or says less than it means.
MENDED: tuple[Callable[[Document], None], ...] = (
    first_page_has_no_neighbours,
    lists_may_be_empty,
    integration_is_a_text,
    fields_are_an_array,
    status_says_too_little,
    what_cannot_be_empty,
    data_of_the_account,
    filters_that_are_refused,
    numbers_have_an_end,
)


def mended() -> dict[str, Any]:
    document = Document(json.loads(Path(OPENAPI).read_text(encoding="utf-8")))
    for mend in MENDED:
        mend(document)
    return document.content


@pytest.fixture
def account() -> Iterator[Live]:
    """An account with some cases, another one for each operation."""
    with Live(reads="spec") as live:
        for number in range(6):
            live.create(requester_email=f"a{number}@x.example")
        yield live


SCHEMA = schemathesis.openapi.from_dict(mended())


def test_every_operation_of_the_document_is_served_or_listed() -> None:
    there = {(each.ok().method.upper(), each.ok().path) for each in SCHEMA.get_all_operations()}
    assert there == OPERATIONS | NOT_SERVED


@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS))
def test_what_the_document_allows_is_taken_and_answered_as_it_says(account: Live, method: str, path: str) -> None:
    call(account, SCHEMA[path][method].as_strategy())


@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS - NEVER_WRONG))
def test_what_it_forbids_brings_no_answer_that_it_does_not_have(account: Live, method: str, path: str) -> None:
    """It need not be refused: where that does no harm the sandbox takes more, such as an empty page number."""
    wrong = SCHEMA[path][method].as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    call(account, wrong, excluded_checks=[schemathesis.checks.negative_data_rejection])


def call(account: Live, cases: Any, **how: Any) -> None:
    """Send 40 requests of a kind, always the same ones, and let every check look at the answers."""

    @settings(
        max_examples=40,
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def check(case: Any) -> None:
        address = f"http://127.0.0.1:{account.port}"
        case.call_and_validate(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, **how)

    check()
