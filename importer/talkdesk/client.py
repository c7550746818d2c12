"""The calls of the Case API that an import needs, one method each. Every answer goes up as it is."""

from __future__ import annotations

from urllib.parse import quote

from importer.talkdesk.addresses import CASES_PATH
from importer.talkdesk.transport import ANSWER_LIMIT, LIST_LIMIT, Answer, Transport


class CaseApi:
    """The Case API at ``api_url``, a base address without a trailing slash.

    All methods raise :class:`~importer.talkdesk.transport.NotSent` if there was no connection, and
    :class:`~importer.talkdesk.transport.NoAnswer` if the request may have been acted upon and no whole answer says so.
    """

    def __init__(self, transport: Transport, *, api_url: str) -> None:
        self._transport = transport
        self._api_url = api_url

    async def create_case(self, body: bytes, token: str) -> Answer:
        """POST one case; ``body`` is its JSON. Source: Talkdesk reference, "Create a new case"."""
        return await self._send("POST", CASES_PATH, body, token)

    async def update_case(self, case_id: str, body: bytes, token: str) -> Answer:
        """PATCH one case; ``body`` is its JSON. Source: Talkdesk reference, "Update a case".

        Notes in it are added to those of the case, so sending it twice adds them twice (our reading; the reference
        is silent), and there is no precondition header to prevent that.
        """
        return await self._send("PATCH", f"{CASES_PATH}/{quote(case_id, safe='')}", body, token)

    async def list_cases(self, query: str, token: str) -> Answer:
        """GET the list of cases with a ready-made, percent-encoded query string."""
        return await self.get(CASES_PATH, token, query=query, limit=LIST_LIMIT)

    async def get_case(self, case_id: str, token: str) -> Answer:
        """GET one case. Source: Talkdesk reference, "Get case details"; it takes the scope ``cases-public:read``."""
        return await self.get(f"{CASES_PATH}/{quote(case_id, safe='')}", token)

    async def trash_case(self, case_id: str, token: str) -> Answer:
        """DELETE one case: into the Trash, where people can take it out again. Source: OpenAPI, "Delete cases"."""
        headers, query = {"Authorization": f"Bearer {token}"}, f"ids={quote(case_id, safe='')}"
        return await self._transport.request("DELETE", self._api_url + CASES_PATH, headers=headers, query=query)

    async def get(self, path: str, token: str, *, query: str = "", limit: int = ANSWER_LIMIT) -> Answer:
        """GET anything of the API, with a ready-made, percent-encoded query string."""
        headers = {"Authorization": f"Bearer {token}"}
        return await self._transport.request("GET", self._api_url + path, headers=headers, query=query, limit=limit)

    async def _send(self, method: str, path: str, body: bytes, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await self._transport.request(method, self._api_url + path, headers=headers, body=body)
