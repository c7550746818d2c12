"""The page at ``/``: what this is, how much it holds, and the last cases. Everything shown is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from importer.sandbox.answers import HTML, Answer
from importer.sandbox.cases import Case, Place, shown_time

SHOWN = 50
_TITLE_SHOWN = 120
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


def page(*, account: str, counts: Mapping[Place, int], cases: Iterable[Case], plan: str) -> Answer:
    """The whole page.

    Args:
        account: Identity of the store.
        counts: Cases in each place.
        cases: The last cases, newest first.
        plan: Name of the fault plan being played.
    """
    rows = "".join(map(_row, cases)) or '<tr><td colspan="5">No case yet.</td></tr>'
    html = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Case sandbox</title><style>{_STYLE}</style>
<h1>Case sandbox</h1>
<p>This is a local stand-in for the Talkdesk Case API. Nothing here reaches Talkdesk or any customer.</p>
<p>Store <code>{escape(account)}</code>, fault plan <code>{escape(plan)}</code>:
{counts[Place.LIVE]} cases, {counts[Place.TRASH]} in the Trash, {counts[Place.PURGED]} deleted for good.</p>
<p>For programs: <a href="/_sandbox/state">/_sandbox/state</a>,
<a href="/_sandbox/cases.ndjson">/_sandbox/cases.ndjson</a></p>
<h2>The last {SHOWN} cases</h2>
<table><thead><tr><th>Id</th><th>Title</th><th>Status</th><th>Requester</th><th>Created</th></tr></thead>
<tbody>{rows}</tbody></table></html>
"""
    return Answer(200, html.encode("utf-8"), HTML, _HEADERS)


def _row(case: Case) -> str:
    gone = ' class="gone"' if case.place != Place.LIVE else ""
    cells = (
        str(case.id),
        case.title[:_TITLE_SHOWN],
        case.status,
        case.requester_email or case.requester_name,
        shown_time(case.created_ms),
    )
    return f"<tr{gone}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
