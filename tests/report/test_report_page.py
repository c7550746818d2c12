"""report.html: what it says, that nothing of an import can act in it, and that its size has a bound."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from ledgers import do, invalid, mark_one, settle_one, stage, valid
from pages import Page

from importer.errors import ConfigError
from importer.ledger import Ledger, LedgerView
from importer.ledger.measurements import MOST_INTERVALS, Interval, Measurement, add_measurement, intervals, note_plan
from importer.ledger.records import Outcome
from importer.ledger.summary import summary_of
from importer.models import FieldError, State
from importer.report import ReportOptions, write_reports
from importer.report.answer import answer
from importer.report.masking import mask
from importer.report.page import MOST_CAUSES, spot_checks
from importer.report.plots import plots
from importer.verbs.explain import explain
from importer.verbs.status import report

TARGET = "https://api.example.com (account acme)"
HOSTILE = '</td></bdi><script>alert(1)</script><img src=x onerror="x">&amp;\x1b[31m\x9b\u202e{{ 7*7 }}'


def page_of(ledger: Ledger, folder: Path, **options: object) -> Page:
    """The page of a ledger as ``report`` writes it."""
    made = report(ledger.path, folder, options=ReportOptions(**options)).reports.page
    assert made is not None
    return Page(made)


def create(ledger: Ledger, count: int, *, first: int = 1) -> None:
    """Make cases of so many pending records."""
    for record in range(first, first + count):
        do(ledger, lambda record=record: mark_one(ledger, record))
        done = Outcome(State.CREATED, str(900 + record), 201)
        do(ledger, lambda record=record, done=done: settle_one(ledger, record, State.SENDING, done))


def test_the_page_answers_from_top_to_bottom(mixed: Ledger, tmp_path: Path) -> None:
    mixed.pin_target(TARGET)
    page = page_of(mixed, tmp_path / "out")
    assert page.problems == []
    assert page.headings[:3] == [1, 2, 2]
    assert max(later - earlier for earlier, later in zip(page.headings, page.headings[1:], strict=False)) == 1
    places = [
        "Did everything arrive? Not yet: 4 of 8 rows are not cases, and 2 have an unclear outcome.",
        "tickets.csv",
        "created 1 12.5 % a case in Talkdesk",
        "Settle 1 row with an unknown outcome: case-importer reconcile --ledger",
        "Choose one case for 1 row with several: case-importer resolve KEY",
        "1 row invalid: Subject → title ‘It burns …’ at most 150 characters Hint: shorten it Code too_long",
        "1 row refused: whole row no such owner",
        "1 found more than once: choose one with resolve 1 still unknown",
        "4 C unknown timeout no answer in time",
        "No notes or fields had to be sent after the creation of a case.",
        "The cases were not read back yet",
        "Nothing was sent, so there is nothing to plot.",
        "A 77 Ticket A 2",
        "SHA-256 0000000000",
        "Target https://api.example.com (account acme)",
    ]
    at = [page.text.find(words) for words in places]
    assert at == sorted(at), dict(zip(places, at, strict=True))
    assert min(at) >= 0, dict(zip(places, at, strict=True))
    assert "TRIAL" not in page.text


def test_a_trial_is_called_one(mixed: Ledger, tmp_path: Path) -> None:
    mixed.pin_target("sandbox:abc")
    page = page_of(mixed, tmp_path / "out")
    assert "Did everything arrive? TRIAL The cases are in the embedded sandbox. Nothing is in Talkdesk." in page.text
    assert page.tags["a"] == 0, "the sandbox has gone with the run"


@pytest.mark.parametrize("key", ["B", "C", "D", "E"], ids=["refused", "unknown", "duplicate", "pending"])
def test_explain_says_the_same_of_a_state_as_the_page(mixed: Ledger, tmp_path: Path, key: str) -> None:
    (row,) = explain(mixed.path, key).rows
    assert f"{row.state} 1 12.5 % {row.why}: {row.what_to_do}" in page_of(mixed, tmp_path / "out").text


@pytest.mark.parametrize("arrange", [lambda ledger: None, lambda ledger: stage(ledger, [])], ids=["new", "empty"])
def test_a_ledger_with_nothing_in_it_has_a_page(
    ledger: Ledger, tmp_path: Path, arrange: Callable[[Ledger], object]
) -> None:
    arrange(ledger)
    page = page_of(ledger, tmp_path / "out")
    assert page.problems == []
    assert "Nothing was read." in page.text


def test_yes_is_said_only_when_all_is_there(ledger: Ledger, tmp_path: Path) -> None:
    stage(ledger, [valid("A"), valid("B"), valid("A")])
    create(ledger, 1)
    with LedgerView(ledger.path) as view:
        assert answer(summary_of(view)).text == "Not yet: 1 of 3 rows is not a case."
    do(ledger, lambda: mark_one(ledger, 2))
    do(ledger, lambda: settle_one(ledger, 2, State.SENDING, Outcome(State.CREATED, "902", 201)))
    page = page_of(ledger, tmp_path / "out")
    assert "Yes: every row is a case, or was skipped (1)." in page.text
    assert "duplicate key in this file: 1" in page.text


def test_what_others_wrote_stays_text(ledger: Ledger, tmp_path: Path) -> None:
    errors = (FieldError("too_long", HOSTILE, HOSTILE, f"is {HOSTILE}", HOSTILE, "title"),)
    row = invalid("I")
    stage(
        ledger,
        [
            row._replace(mapped=row.mapped._replace(errors=errors)),
            valid(HOSTILE, body=orjson.dumps({"title": HOSTILE, "description": "x"})),
            valid("U", row=9),
        ],
        name=f"{HOSTILE}.csv",
    )
    ledger.pin_target(TARGET)
    do(ledger, lambda: mark_one(ledger, 2))
    do(ledger, lambda: settle_one(ledger, 2, State.SENDING, Outcome(State.CREATED, "77", 201)))
    do(ledger, lambda: mark_one(ledger, 3))
    do(ledger, lambda: settle_one(ledger, 3, State.SENDING, Outcome(State.UNKNOWN, None, 500, "x", HOSTILE)))
    page = page_of(ledger, tmp_path / "out")
    assert page.problems == []
    assert page.text.count("</td></bdi><script>alert(1)</script>") == 10, (
        "the file twice, column, example, rule, hint, key, title, the answer as a cause and of its row"
    )
    assert "{{ 7*7 }}" in page.text
    assert page.text.count("onerror=") == 10
    written = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", written) == []


@pytest.mark.parametrize(("cases", "shown"), [(1, "1"), (2, "12"), (7, "1234567"), (37, "1 5 9 13 17 21 25 29 33 37")])
def test_cases_to_compare_are_spread_over_all_cases(ledger: Ledger, tmp_path: Path, cases: int, shown: str) -> None:
    """However many rows are not cases, and wherever these are."""
    stage(ledger, [*(invalid(f"I{n}") for n in range(40)), *(valid(f"K{n + 1}") for n in range(cases))])
    create(ledger, cases, first=41)
    stage(ledger, [valid(f"P{n}") for n in range(100)], name="more.csv")
    with LedgerView(ledger.path) as view:
        found = list(spot_checks(view, summary_of(view)))
    assert [case.key for case in found] == [f"K{number}" for number in (shown.split() if " " in shown else shown)]


# -- how it went ----------------------------------------------------------------------------------------


def measured(ledger: Ledger, *samples: Measurement) -> None:
    do(ledger, lambda: [add_measurement(ledger, each) for each in samples])


def test_plots_show_what_was_measured_without_the_pauses(ledger: Ledger, tmp_path: Path) -> None:
    stage(ledger, [valid("A"), valid("B")])
    create(ledger, 2)
    note_plan(ledger, {"rate": 5, "reserve": 0.2, "concurrency": 8}, rows=120, source=None)
    sent = {"seconds": 10.0, "created": 30, "requests": 40, "waited": 20.0, "longest": 2.5, "rate": 4.0}
    measured(ledger, *[Measurement(at=1000.0 + 10 * number, **sent) for number in range(6)])
    ledger.close()
    with Ledger(ledger.path, verb="retry") as again:  # a day later
        measured(again, Measurement(at=90_000.0, **sent | {"too_fast": 3, "rate": None}))
    with LedgerView(ledger.path) as view:
        found = intervals(view, [1, 2])
    assert sum(each.created for each in found) == 210
    assert (found[-1].begin, found[-1].middle) == (60, 65)
    assert {(round(each.used, 3), each.latency, each.longest) for each in found} == {(4.0, 0.5, 2.5)}
    assert [each.allowed for each in found] == [*[4.0] * 6, None]
    page = page_of(ledger, tmp_path / "out")
    assert page.problems == []
    assert page.tags["polyline"] == 4, "cases, answers, rate used, rate allowed"
    assert "run 20" in page.text
    assert "5/s 120 240 30.0 s 1 min 00 s 180" in page.text, "rate, planned, requests, forecast, took, cases"
    assert "1 min 00 s 30 40 4.0 no limit 3 0.50 s 2.50 s" in page.text, "the table next to the plots"


def test_a_plot_of_anything_stays_in_its_frame(ledger: Ledger) -> None:
    stage(ledger, [valid("A")])
    assert plots([]) == []
    for seconds, requests in ((0.0, 0), (0.001, 1), (1e6, 10**9)):
        measured(ledger, Measurement(at=5e9 + seconds, seconds=seconds, requests=requests, created=requests))
    with LedgerView(ledger.path) as view:
        found = intervals(view, [1])
    assert 0 < len(found) <= MOST_INTERVALS + 1
    for plot in plots(found):
        for points in plot.lines.values():
            numbers = [float(number) for number in re.split("[ ,]", points) if number]
            assert all(0 <= x <= plot.end for x in numbers[::2]), points
            assert all(-plot.top / 500 <= y <= plot.top for y in numbers[1::2]), points


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (0.3, "0 s, 0.075 s, 0.15 s, 0.225 s, 0.3 s"),
        (10.0, "0 s, 2.5 s, 5 s, 7.5 s, 10 s"),
        (150.0, "0:00, 0:38, 1:15, 1:52, 2:30"),
        (36_000.0, "0:00 h, 2:30 h, 5:00 h, 7:30 h, 10:00 h"),
    ],
)
def test_no_two_labels_of_a_time_axis_are_the_same(seconds: float, labels: str) -> None:
    interval = Interval(0.0, seconds / 2, seconds, 7, 7, 0, 0.1, None, 7 / seconds, 420 / seconds, 0.1)
    assert [plot.across for plot in plots([interval])] == [labels.split(", ")] * 3


# -- what is hidden -------------------------------------------------------------------------------------

NAME, MAIL = "Ærwyn Quillfeather", "aerwyn.quillfeather@example.com"


def test_a_masked_report_has_no_text_of_a_cell_or_of_the_server(ledger: Ledger, tmp_path: Path) -> None:
    long = f"{NAME} wrote {MAIL} and it's long"
    errors = (
        FieldError("not_an_email", "Mail", long[:80], f"'{NAME}' is not a valid e-mail address", f"add `'{NAME}': …`"),
        FieldError("unknown_value", "Who", NAME, f'"{NAME}" is not listed', f"did you mean {NAME.split()[1]}?"),
    )
    row = invalid("I")
    stage(
        ledger,
        [
            row._replace(mapped=row.mapped._replace(errors=errors)),
            valid("C", body=orjson.dumps({"title": f"{NAME}, +1 555 0128", "description": MAIL})),
            valid("R", row=8),
            valid("U", row=9),
        ],
    )
    refused = Outcome(State.REFUSED, None, 422, "0900001", f"no user {MAIL}")
    unknown = Outcome(State.UNKNOWN, None, 500, "http_500", f"HTTP 500 {NAME}")
    for record, outcome in ((2, Outcome(State.CREATED, "77", 201)), (3, refused), (4, unknown)):
        do(ledger, lambda record=record: mark_one(ledger, record))
        do(ledger, lambda record=record, outcome=outcome: settle_one(ledger, record, State.SENDING, outcome))
    folder = tmp_path / "handover"
    page = page_of(ledger, folder, mask=True)
    assert {path.name for path in folder.iterdir()} == {"report.html", "summary.json"}
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8").casefold()
        assert [word for word in ("quill", "ærwyn", "aerwyn", "example.com", "0128") if word in text] == []
    assert '‘Xxxxx Xxxxxxxxxxxx’ "Xxxxx Xxxxxxxxxxxx" is not listed' in page.text
    assert "Xxxxx Xxxxxxxxxxxx, +9 999 9999" in page.text
    assert "1 row refused: whole row hidden by --mask Code 0900001" in page.text
    assert "9 U unknown http_500 hidden by --mask" in page.text
    assert "Personal data is hidden." in page.text
    plain = page_of(ledger, tmp_path / "plain").text
    assert NAME in plain, "or this test could not fail"


def test_masked_and_other_reports_are_kept_apart(mixed: Ledger, tmp_path: Path) -> None:
    write_reports(mixed.path, tmp_path)
    with pytest.raises(ConfigError, match=r"personal data: failures\.csv, failures\.xlsx, results\.csv"):
        write_reports(mixed.path, tmp_path, options=ReportOptions(mask=True))


def test_a_shape_tells_nothing_but_the_shape() -> None:
    assert mask("Ana Élan <ana@example.com> 2024-02-30 10:15 山田 ①½ \u0301") == (
        "Xxx Xxxx <xxx@xxxxxxx.xxx> 9999-99-99 99:99 xx 99 ·"
    )


# -- size -----------------------------------------------------------------------------------------------

_MANY = """
    WITH RECURSIVE number (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM number WHERE n < 9 + {rows})
    INSERT INTO {into} FROM number"""
_STATE = "CASE n % 8 WHEN 0 THEN 'invalid' WHEN 1 THEN 'refused' WHEN 2 THEN 'unknown' ELSE 'created' END"


def enlarge(ledger: Ledger, rows: int) -> None:
    """So many rows more, with texts that would fill a page, and a history of each: made in SQL, as that is quick."""
    codes = min(rows, 500)
    kinds = (
        f"record SELECT n, 1, n, printf('K%d<%0200d>', n, n), NULL, {_STATE}, 1, 1,"
        " CASE WHEN n % 8 > 2 THEN n END, 422, 'code_' || (n % {codes}), printf('%0400d', n)".replace(
            "{codes}", str(codes)
        ),
        "content SELECT n, '[\"a\",\"b\"]', CASE n % 8 WHEN 0 THEN json_array(json_object('code', 'c' || (n % 97),"
        " 'column', printf('%0200d', n % 97), 'value', printf('%080d', n), 'rule', printf('%0400d', n), 'hint',"
        " printf('%0400d', n), 'target', 't')) END, json_object('title', printf('%0150d', n)), 'x'",
        "event SELECT 2 * n, n, 1, 1e9 + n, 'unknown', 1, NULL, 500, 'x', printf('%0200d', n)",
        "event SELECT 2 * n + 1, n, 1, 1e9 + n, iif(n % 2, 'created', 'pending'), 1, NULL, NULL, 'x', 'x'",
        "measurement SELECT 1, 1e9 + 10 * n, 10, 50, 50, 1, 5, 1, 5",
    )
    connection = ledger.connection
    for name in ("one_case_per_key_from_the_start", "record_moves", "record_moved"):
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("BEGIN")
    for into in kinds:
        connection.execute(_MANY.format(into=into, rows=rows))
    connection.execute("UPDATE source SET rows = (SELECT count(*) FROM record)")
    connection.execute("COMMIT")


def check_size(ledger: Ledger, folder: Path, rows: int) -> None:
    stage(ledger, [valid("first")])
    ledger.pin_target(TARGET)
    enlarge(ledger, rows)
    tracemalloc.start()
    try:
        page = page_of(ledger, folder, formats=("html", "json"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert page.problems == []
    assert (folder / "report.html").stat().st_size < 1_000_000
    assert peak < 40_000_000
    assert page.attributes["li"].count({}) >= MOST_CAUSES
    assert re.search(r"And \d+ more causes with [\d,]+ rows: see causes in summary.json", page.text)
    assert re.search(r"And [\d,]+ more rows\.", page.text)
    assert page.tags["polyline"] == 4


def test_the_page_of_many_rows_is_small(ledger: Ledger, tmp_path: Path) -> None:
    check_size(ledger, tmp_path / "out", 5_000)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_page_of_five_million_rows_is_small(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On a real disk: the ledger has some gigabytes."""
    folder = tmp_path_factory.mktemp("many")
    with Ledger(folder / "ledger.db", verb="run") as ledger:
        check_size(ledger, folder / "out", 5_000_000)
