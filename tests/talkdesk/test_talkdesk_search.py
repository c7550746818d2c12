"""Asking the list of cases in both encodings, against a sandbox that reads only one of them, or none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from importer.sandbox import Sandbox, SandboxOptions
from importer.talkdesk.client import CaseApi
from importer.talkdesk.search import (
    PER_PAGE,
    Encoding,
    UnreadableListError,
    by_external_id,
    by_ids,
    query,
    read_page,
)
from importer.talkdesk.transport import Answer, Transport

TOKEN = "abc"
IDS = ["T-1", "T-10", "t-1", "T 1", "T+1&x=2", 'T"1', "Ü-1", "T\\1", "1'; DROP TABLE cases"]


@asynccontextmanager
async def filled(ids: list[str], **options: Any) -> AsyncIterator[CaseApi]:
    """An API with one case for each external id."""
    async with (
        Sandbox(SandboxOptions(static_token="abc", **options)) as sandbox,
        Transport(force_close=False) as transport,
    ):
        api = CaseApi(transport, api_url=sandbox.base_url)
        for external_id in ids:
            case = {
                "title": f"Ticket {external_id}",
                "description": "It burns.",
                "requester_email": "ana@example.com" if external_id < "U" else "bo@example.com",
                "custom_fields": {"text1": external_id},
            }
            answer = await api.create_case(orjson.dumps(case), TOKEN)
            assert answer.status == 201, answer.body
        yield api


async def found(api: CaseApi, parameters: list[tuple[str, str]], *, page: int = 1) -> list[str]:
    """The external ids of the cases on one page."""
    answer = await api.list_cases(query(parameters, page=page), TOKEN)
    return [case.custom_fields["text1"] for case in read_page(answer).cases]


@pytest.mark.parametrize("encoding", Encoding)
async def test_an_external_id_is_found_to_the_letter(encoding: Encoding) -> None:
    """Every external id finds its own case and no other, whatever characters are in it."""
    async with filled(IDS, filters=encoding.value) as api:
        for external_id in IDS:
            assert await found(api, by_external_id("text1", external_id, encoding=encoding)) == [external_id]
        assert await found(api, by_external_id("text1", "T-100", encoding=encoding)) == []


@pytest.mark.parametrize(("asked", "read"), [(Encoding.DOC, "spec"), (Encoding.SPEC, "doc"), (Encoding.DOC, "ignore")])
async def test_a_filter_in_the_wrong_encoding_is_ignored(asked: Encoding, read: str) -> None:
    """Why every answer is filtered again on our side, and why only a filter that was seen to work may say "none"."""
    async with filled(IDS[:3], filters=read) as api:
        assert sorted(await found(api, by_external_id("text1", "T-1", encoding=asked))) == sorted(IDS[:3])


async def test_all_pages_together_hold_every_case_once() -> None:
    ids = [f"T-{number:03}" for number in range(2 * PER_PAGE + 7)]
    async with filled(ids) as api:
        seen: list[str] = []
        for page in range(1, 10):
            answer = await api.list_cases(query([], page=page), TOKEN)
            result = read_page(answer)
            seen += [case.custom_fields["text1"] for case in result.cases]
            if result.completes(len(seen)):
                break
    assert page == 3
    assert sorted(seen) == ids


# -- pages ----------------------------------------------------------------------------------------------


def listing(cases: int, **more: Any) -> Answer:
    content = {"_embedded": {"data": [{"id": str(number)} for number in range(cases)]}, **more}
    return Answer(200, {}, orjson.dumps(content))


NEXT = {"self": {"href": "/x"}, "next": {"href": "/x?page=2"}}


@pytest.mark.parametrize(
    ("answer", "received", "complete"),
    [
        (listing(0), 0, True),
        (listing(0, total=900, _links=NEXT), 100, True),  # nothing more comes, whatever is promised
        (listing(100, total=250, _links=NEXT), 100, False),
        (listing(50, total=250, _links=NEXT), 250, False),  # a number is not believed over a link
        (listing(50, total=50, _links={"self": {"href": "/x"}}), 50, True),
        (listing(50, total=90, _links=NEXT), 50, False),  # smaller pages than asked for
        (listing(50, total=90), 50, False),
        (listing(100, _links=NEXT), 100, False),
        (listing(99, _links={"self": {}, "next": None}), 99, True),
        (listing(99, _links={"self": {}, "next": {"href": ""}}), 99, True),
        (listing(100, _links={"next": "/x?page=2"}), 100, False),
        (listing(99, _links={"next": {}}), 99, True),
        (listing(99, _links=[]), 99, True),
        (listing(100, total=100), 100, False),  # nor over a full page
        (listing(7, total="7", _links=NEXT), 7, False),
        (listing(7, total=True, _links=NEXT), 7, False),
    ],
)
def test_where_a_list_ends(answer: Answer, received: int, complete: bool) -> None:
    """A case on a page that is not read would be called missing, and made twice."""
    assert read_page(answer).completes(received) is complete


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {}, b""),
        Answer(200, {}, b"<html>Log in</html>"),
        Answer(200, {}, b"[]"),
        Answer(200, {}, b"{}"),
        Answer(200, {}, b'{"_embedded": []}'),
        Answer(200, {}, b'{"_embedded": {"data": {}}}'),
        Answer(200, {}, b'{"_embedded": {"data": ["x"]}}'),
        Answer(401, {}, listing(1).body),
        Answer(206, {}, listing(1).body),
        Answer(302, {}, listing(0).body),
        Answer(503, {}, listing(0).body),
    ],
)
def test_what_is_no_list_proves_nothing(answer: Answer) -> None:
    """A look-up that fails is never "not found"."""
    with pytest.raises(UnreadableListError):
        read_page(answer)


def test_nothing_in_a_filter_can_leave_the_query() -> None:
    """Keys and titles come out of files that others wrote."""
    text = query(by_external_id("text1", "a&b=c#d?e/../%00\r\nHost: evil", encoding=Encoding.DOC), page=1)
    assert text.count("&") == 2
    assert not set(text) & set("# \r\n?")


@pytest.mark.parametrize("encoding", Encoding)
async def test_cases_are_found_by_their_ids(encoding: Encoding) -> None:
    """In the encoding that the account reads; in the other one a filter may be ignored."""
    async with filled(["A", "B", "C"], filters=encoding.value) as api:
        assert sorted(await found(api, by_ids(["1", "3"], encoding=encoding))) == ["A", "C"]
        assert await found(api, by_ids(["4", "99"], encoding=encoding)) == []
