"""report.html in a real browser, at a desk and on a phone: it fits, it loads nothing, and axe finds nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from ledgers import do, stage, valid
from playwright.sync_api import Browser, sync_playwright

from importer.ledger import Ledger
from importer.ledger.measurements import Measurement, add_measurement, note_plan
from importer.report import write_reports

CHROMIUM = shutil.which("chromium")
#: It must not look for anything outside this machine.
_QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
DESK, PHONE = (1280, 900), (360, 740)
LONG = "w" * 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="NOT CHECKED in a browser: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_QUIET, "--disable-sync"])
        yield browser
        browser.close()


@pytest.fixture
def page(mixed: Ledger, tmp_path: Path) -> Path:
    """The page of an import in which everything happened, with a key and a title that do not break."""
    mixed.pin_target("https://api.example.com (account acme)")
    note_plan(mixed, {"rate": 5, "reserve": 0.2}, rows=8, source=None)
    stage(mixed, [valid(LONG, row=20, subject=LONG)], sha256="2" * 64, name=f"{LONG}.csv")
    for number in range(1, 5):
        sample = Measurement(1000.0 + number, 1.0, created=number, requests=4, waited=1.0, longest=0.5, rate=5.0)
        do(mixed, lambda sample=sample: add_measurement(mixed, sample))
    plan = "'2026-03-01T00:00:00+00:00', '2026-03-01T00:01:00+00:00', '50%', 0, 0"
    mixed.connection.execute(f"INSERT INTO verification_plan VALUES ({plan})")
    finding = "1, 0, 0, 'differs', 'title', 'a', 'b', NULL, NULL"
    mixed.connection.execute(f"INSERT INTO verification VALUES ({finding})")
    made = write_reports(mixed.path, tmp_path / "out")[0].page
    assert made is not None
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_it_fits_loads_nothing_and_reads_aloud(
    browser: Browser, page: Path, size: tuple[int, int], scheme: Any
) -> None:
    width, height = size
    with browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme) as context:
        tab = context.new_page()
        asked: list[str] = []
        told: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: told.append(message.text))
        tab.goto(page.as_uri())
        tab.locator("summary").click()  # so that the table in it is looked at as well
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        runs = tab.get_by_role("region", name="Runs")
        assert runs.evaluate("it => it.scrollWidth") <= runs.evaluate("it => it.clientWidth")
        assert runs.get_by_role("columnheader").count() == (8 if size == DESK else 5)
        assert tab.get_by_role("heading", level=1).inner_text() == "Did everything arrive?"
        assert tab.get_by_role("img", name="9 rows = 1 created").is_visible()
        for name in ("9 rows by state", "How the cases compare with what was sent", "Time of sending"):
            assert tab.get_by_role("table", name=name).is_visible()
        found = Axe().run(tab).response["violations"]
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
        tab.keyboard.press("Tab")
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert (asked, told) == ([page.as_uri()], [])
