"""Putting a case into the Trash: the one thing that is ever deleted, and people can take it out again."""

from __future__ import annotations

from contextlib import suppress

from importer.delivery.api_access import ApiAccess, ReadError
from importer.delivery.reads import find_case
from importer.errors import OutageError
from importer.talkdesk.search import UnreadableListError
from importer.talkdesk.shown import error_body
from importer.talkdesk.transport import Answer


async def put_into_trash(api: ApiAccess, case_id: str) -> None:
    """Put a case into the Trash. Asking again does no harm, so a lost answer is asked for again.

    Raises:
        OutageError: the account does not say that it is there.
    """
    try:
        is_named = await api.read(
            lambda token: api.client.trash_case(case_id, token),
            lambda answer: _names(answer, case_id),
            what="the answer to the delete",
        )
        why = "" if is_named else "the account did not delete it"
    except ReadError as error:
        why = str(error)
    if not why:
        return
    with suppress(ReadError):
        if await find_case(api, case_id) is None:
            return  # somebody has deleted it by hand
    hint = "delete it in Talkdesk; the scope cases-public:write is needed for the next one"
    raise OutageError(f"case {case_id} is still in the account: {why}", hint=hint)


def _names(answer: Answer, case_id: str) -> bool:
    """Whether a case is among the ids that were deleted, which an answer gives as numbers."""
    content = answer.json() if answer.status == 200 else None
    ids = content.get("ids") if isinstance(content, dict) else None
    if not isinstance(ids, list):
        raise UnreadableListError(error_body(answer).text or f"HTTP {answer.status} without ids in it")
    return case_id in map(str, ids)
