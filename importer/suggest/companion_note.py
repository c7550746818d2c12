"""Writes the note that joins a table of comments to the tickets."""

from __future__ import annotations

from importer.suggest.columns import in_template, named, reference
from importer.suggest.companions import Companion
from importer.suggest.fields import date_value
from importer.suggest.page import Page, counted, scalar, shown, value

CHECK, GUESS = "CHECK", "GUESS"
HTML_SHARE = 0.1  #: Of the texts that have tags before all of them count as HTML.


def write_companion(page: Page, companion: Companion) -> None:
    """Writes the note; the companion has to be of use."""
    match, body, where = companion.match, companion.body, companion.nearby
    if match is None or body is None:
        return
    place = f"the sheet `{shown(where.sheet)}`" if where.sheet else f"`{shown(where.file)}` beside the export"
    page.comment(
        f"{place} has comments: {match.matching:,} of {counted(match.looked_at, 'cell')} looked at in "
        f"{named([match.facts])} stand in {named([match.named.facts])} here. One note for each of its rows; `check` "
        "names those of no ticket.",
        4,
        GUESS,
    )
    _say_doubt(page, companion)
    page.line("- each:", 4)
    page.line(f"file: {scalar(where.file)}", 8)
    for key, text in (("sheet", where.sheet), ("encoding", where.encoding)):
        if text:
            page.line(f"{key}: {scalar(text)}", 8)
    page.line(f"key: {value(reference(match.facts))}", 8)
    if not match.named.is_key:
        page.line(f"by: {value(reference(match.named.facts))}", 8)
    if companion.created is not None:
        page.line(f"order: {value(date_value(companion.created))}", 8)
    titled = [look.facts for look in (companion.author, companion.created) if look and in_template(look.facts)]
    if titled:
        template = ", ".join(f"{{{facts.name}}}" for facts in titled)
        page.line(f"title: {value({'template': template, 'overflow': 'truncate'})}", 6)
    html = {"html": "text"} if body.facts.html and body.facts.share(body.facts.html) >= HTML_SHARE else {}
    page.line(f"body: {value(reference(body.facts) | html)}", 6)
    page.line("public: false", 6)


def _say_doubt(page: Page, companion: Companion) -> None:
    created, seen = companion.created, companion.shown
    if created and created.form and (created.form.in_doubt or created.form.against):
        ways = " or ".join(created.form.open) or "day or month"
        text = f"sorted by {named([created.facts])}, but whether {ways} comes first is not proven: {created.form.order}"
        page.comment(f"{text} is taken.", 4, CHECK)
    if seen is not None:
        line = f"public: {{column: {scalar(seen.name)}}}"
        page.comment(f"{named([seen.facts])} may say whether the requester saw it; if so: {line}", 4, CHECK)
