"""The rehearsal: the true file, no network, a forecast, and an exit code of its own if that is too long."""

from __future__ import annotations

import pytest
from pages import Page
from program import Program
from tickets import Ticket, tickets, write_tickets

REHEARSE = ("rehearse", "t.csv", "-m", "m.yml", "--profile", "calm")


@pytest.mark.slow
def test_a_rehearsal_counts_forecasts_and_leaves_nothing(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [*tickets(10), Ticket("bad", subject="")])
    ended = local(*REHEARSE, "--rate", 2, "--must-finish-in", "1h", "--json")
    assert (ended.code, ended.counts) == (3, {"created": 10, "invalid": 1})
    assert ended.json["forecast_seconds"] >= 10 / 2
    assert (ended.json["fits"], ended.json["window_seconds"]) == (True, 3600)
    assert {path.name for path in local.folder.iterdir()} == {"t.csv", "m.yml"}
    assert ".scratch" not in ended.out, "paths that are gone"
    quiet = local(*REHEARSE, "--quiet")
    assert quiet.err == "3: 11 rows = 10 created + 1 invalid: see the reports that --out keeps\n"


def test_a_window_that_is_too_small_ends_with_10(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(10))
    ended = local(*REHEARSE, "--rate", 1, "--must-finish-in", "9s", "--out", "kept")
    assert (ended.code, ended.err) == (10, "")
    assert "does not fit into 9.0 s" in ended.out
    assert (local.folder / "kept/results.csv").is_file()


def test_the_page_that_is_kept_leads_to_the_real_import(local: Program) -> None:
    """The sandbox of the rehearsal is gone by then."""
    write_tickets(local.folder / "t.csv", [*tickets(2), Ticket("bad", subject="")])
    assert local(*REHEARSE, "--out", "kept").code == 3
    text = Page(local.folder / "kept/report.html").text
    assert "correct in the export or the mapping what kept/failures.xlsx lists, then import it into your" in text
    assert "case-importer run t.csv --mapping " in text
    assert "kept/ledger.db --out" not in text


@pytest.mark.parametrize("text", ["soon", "8 days"])
def test_a_duration_that_is_none(local: Program, text: str) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    ended = local(*REHEARSE, "--must-finish-in", text)
    assert (ended.code, ended.out) == (2, "")
    assert "is not a duration" in ended.err
