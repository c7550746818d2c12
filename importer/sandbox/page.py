"""The page at ``/``: what this is, how many cases it has, and the latest of them. Everything shown is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from aiohttp import web

from importer.sandbox.cases import shown_time
from importer.sandbox.storage import Case, Place

MOST_CASES = 50
_TITLE_LENGTH = 120
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .75rem .25rem 0; }
tr { border-bottom: 1px solid #ddd; } .gone { text-decoration: line-through; } code { background: #f3f3f3; }
"""


def page(*, account: str, counts: Mapping[str, int], cases: Iterable[Case], plan: str, mails: int) -> web.Response:
    """The whole page: the store's identity, its latest ``cases``, newest first, the fault plan, the number of mails."""
    rows = "".join(map(_row, cases)) or '<tr><td colspan="5">No cases yet.</td></tr>'
    html = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Case sandbox</title><style>{_STYLE}</style>
<h1>Case sandbox</h1>
<p>A local simulation of the Talkdesk Case API. Nothing here reaches Talkdesk or your customers.</p>
<p>Store <code>{escape(account)}</code>, fault plan <code>{escape(plan)}</code>:
{counts["live"]} cases, {counts["trash"]} in the trash, {counts["purged"]} permanently deleted,
{mails} mails sent by automations.</p>
<p>Machine-readable: <a href="/_sandbox/state">/_sandbox/state</a>,
<a href="/_sandbox/cases.ndjson">/_sandbox/cases.ndjson</a></p>
<h2>Latest {MOST_CASES} cases</h2>
<table><thead><tr><th>Id</th><th>Title</th><th>Status</th><th>Requester</th><th>Created</th></tr></thead>
<tbody>{rows}</tbody></table></html>
"""
    return web.Response(text=html, content_type="text/html", headers=_HEADERS)


def _row(case: Case) -> str:
    gone = ' class="gone"' if case.place != Place.LIVE else ""
    shown = case.content
    requester = shown["requester_email"] or shown["requester_name"]
    cells = (str(case.id), shown["title"][:_TITLE_LENGTH], shown["status"], requester, shown_time(case.created_ms))
    return f"<tr{gone}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
