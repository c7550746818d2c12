"""The measurements themselves: a table of wrong figures is worse than none. None of these measures anything."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from program import environment

from benchmarks import picture, table
from benchmarks.api_server import Api, Limit
from benchmarks.arithmetic import least, most, ratio, slope
from benchmarks.bench import QUICK, Bench, Line, Outcome, measurements
from benchmarks.certificate import write_certificate
from benchmarks.export import COLUMNS, write_export, write_mapping, write_workbook
from benchmarks.measure import PYTHON, FailedError, in_turns, run
from benchmarks.peers.ticket import tickets
from benchmarks.rows.faults import FAULTS, Damage, suffer
from benchmarks.servers import Server, api_server, nginx, nginx_version
from importer import State, check, preview

ROOT = Path(__file__).parents[2]


def test_the_ratio_is_that_of_rounds_so_that_one_bad_round_does_not_count() -> None:
    assert ratio([2.0, 4.0, 90.0], [1.0, 2.0, 3.0]) == 2.0


@pytest.mark.parametrize(("power", "factor"), [(1.0, 3.0), (2.0, 0.1), (0.0, 7.0)])
def test_the_slope_is_the_power(power: float, factor: float) -> None:
    points = [(x, factor * x**power) for x in (1.0, 10.0, 200.0, 3000.0)]
    assert slope(points) == pytest.approx(power)


def test_goals_have_a_direction() -> None:
    assert [most(2).is_met(2), most(2).is_met(2.1), least(2).is_met(2), least(2).is_met(1.9)] == [True, False] * 2
    assert (str(most(1.35)), str(least(50000))) == ("≤ 1.35", "≥ 50000")


# -- children --------------------------------------------------------------------------------------------


def test_a_child_is_measured_by_the_kernel(tmp_path: Path) -> None:
    program = "x = bytearray(80_000_000)\nfor _ in range(3_000_000): pass\nprint('done')"
    cost = run([PYTHON, "-c", program], folder=tmp_path)
    assert cost.out == "done\n"
    assert cost.peak > 80
    assert cost.cpu > 0
    assert cost.wall > 0


def test_a_child_that_fails_is_not_a_figure(tmp_path: Path) -> None:
    with pytest.raises(FailedError, match="no such thing"):
        run([PYTHON, "-c", "raise SystemExit('no such thing')"], folder=tmp_path)


def test_cases_take_turns(tmp_path: Path) -> None:
    seen: list[str] = []
    cost = run([PYTHON, "-c", ""], folder=tmp_path)
    in_turns({name: lambda name=name: (seen.append(name), cost)[1] for name in "ab"}, rounds=3)  # type: ignore[misc]
    assert "".join(seen) == "abbaab"


# -- the export ------------------------------------------------------------------------------------------


def test_the_export_is_what_it_is_said_to_be(tmp_path: Path) -> None:
    path = write_export(tmp_path / "export.csv", 4_000, columns=22, notes=2)
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [*COLUMNS, "extra 20", "extra 21", "note 1", "note 2"]
    assert len(rows) == len({row[0] for row in rows}) == 4_000
    assert {len(row) for row in rows} == {24}
    plain = write_export(tmp_path / "plain.csv", 4_000).stat().st_size
    assert 390 < plain / 4_000 < 440
    assert 0.25 < sum("\n" in row[2] for row in rows) / 4_000 < 0.32


def test_every_row_of_the_export_fits_its_mapping_or_none(tmp_path: Path) -> None:
    mapping = write_mapping(tmp_path / "m.yml", notes=2)
    good = write_export(tmp_path / "good.csv", 300, notes=2)
    bad = write_export(tmp_path / "bad.csv", 300, notes=2, valid=False)
    assert check(good, mapping).totals.counts == {State.PENDING: 300}
    assert check(bad, mapping).totals.counts == {State.INVALID: 300}


def test_the_peers_send_what_we_send(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export.csv", 50)
    ours = [json.loads(row.body or b"") for row in preview(export, write_mapping(tmp_path / "m.yml"), count=50)]
    assert list(tickets(str(export))) == ours


# -- the server ------------------------------------------------------------------------------------------


def body(key: str) -> bytes:
    return json.dumps({"title": "Hello", "custom_fields": {"text1": key}}).encode()


def create(api: Api, key: str) -> int:
    answer = api.answer("POST", "/cm/core/va/cases", body(key))
    return 0 if answer is None else int(answer.split()[1])


def listed(api: Api, key: str) -> list[dict[str, Any]]:
    asked = urllib.request.quote(json.dumps([{"label": "text1", "value": key}]))  # type: ignore[attr-defined]
    answer = api.answer("GET", f"/cm/core/va/cases?custom_fields={asked}&page=1", b"")
    assert answer is not None
    found: list[dict[str, Any]] = json.loads(answer.partition(b"\r\n\r\n")[2])["_embedded"]["data"]
    return found


def test_the_server_counts_creates_by_row() -> None:
    api = Api(limit=Limit(0))
    assert [create(api, key) for key in "abca"] == [201] * 4
    stats = api.books.stats()
    assert (stats["requests"], stats["created"], stats["distinct"], stats["duplicates"]) == (4, 4, 3, 1)
    assert [case["custom_fields"]["text1"] for case in listed(api, "b")] == ["b"]
    assert listed(api, "z") == []


def test_a_failed_create_makes_nothing_and_a_cut_one_does() -> None:
    api = Api(limit=Limit(0), fail=1.0)
    assert (create(api, "a"), api.books.stats()["created"], api.books.stats()["failed"]) == (503, 0, 1)
    api = Api(limit=Limit(0), cut=1.0)
    assert (create(api, "a"), api.books.stats()["created"], api.books.stats()["cut"]) == (0, 1, 1)
    assert len(listed(api, "a")) == 1


def test_faults_come_as_often_as_they_should() -> None:
    api = Api(limit=Limit(0), fail=0.05, cut=0.02)
    for number in range(5_000):
        create(api, str(number))
    stats = api.books.stats()
    assert 200 < stats["failed"] < 300
    assert 60 < stats["cut"] < 140


def test_regular_faults_are_no_lots() -> None:
    api = Api(limit=Limit(0), fail=0.05, regular=True)
    codes = [create(api, str(number)) for number in range(100)]
    assert [number for number, code in enumerate(codes, 1) if code == 503] == [20, 40, 60, 80, 100]


def test_the_sliding_limit_holds_in_any_second() -> None:
    now = [100.0]
    api = Api(limit=Limit(2), clock=lambda: now[0])
    codes = []
    for moment in (100.0, 100.5, 100.9, 101.01, 101.02, 101.6):
        now[0] = moment
        codes.append(create(api, str(moment)))
    assert codes == [201, 201, 429, 201, 429, 201]
    stats = api.books.stats()
    assert (stats["throttled"], stats["throttled_late"], stats["worst_second"]) == (2, 1, 4)


def test_the_clock_limit_begins_anew_with_each_second_and_may_change() -> None:
    limit = Limit(2, "clock", then=(2.0, 1))
    passed = [limit.passes(moment) for moment in (100.7, 100.8, 100.9, 101.0, 101.1, 101.2, 103.0, 103.1)]
    assert passed == [True, True, False, True, True, False, True, False]


def post(server: Server, key: str) -> int:
    request = urllib.request.Request(f"{server.url}/cm/core/va/cases", data=body(key))
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_the_server_speaks_http(tmp_path: Path) -> None:
    with api_server("--limit", 2) as server:
        assert [post(server, key) for key in "aab"] == [201, 201, 429]
        assert server.stats()["duplicates"] == 1
        assert server.stats()["first_at"] is not None
        server.reset()
        assert server.stats()["first_at"] is None


@pytest.mark.timeout(200)
def test_an_import_into_it_is_counted(tmp_path: Path) -> None:
    """The whole way: the export, the mapping, the command, a fault, the books."""
    bench = Bench(tmp_path, QUICK)
    with api_server("--cut", 0.05, "--seed", 2) as server:
        bench.import_run(bench.export(100), server.url, "--horizon", 0.2, created=100)
        stats = server.stats()
    assert (stats["distinct"], stats["duplicates"]) == (100, 0)
    assert stats["cut"] > 0
    assert stats["lookups"] > 0


@pytest.mark.timeout(200)
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_counted_at_the_server(tmp_path: Path, fault: str) -> None:
    """The script with retries loses nothing, and makes twice exactly what was cut, or was made before it was killed."""
    export = write_export(tmp_path / "export.csv", 400)
    module = "benchmarks.peers.aiohttp_retry"
    damage = suffer(fault, lambda rows, url, _: [PYTHON, "-m", module, f"{url}/cm/core/va/cases", rows],
                    export, 400, tmp_path)  # fmt: skip
    assert damage.lost == 0
    assert (damage.duplicated > 0) == (fault in ("kill -9, again", "2 % cut"))
    assert damage.code == 0


@pytest.mark.timeout(200)
def test_the_small_programs_do_what_they_are_for(tmp_path: Path) -> None:
    """They use parts of the importer by themselves, so they must follow when these change."""
    bench = Bench(tmp_path, QUICK)
    export, bodies, rows = bench.export(60), tmp_path / "bodies.ndjson", 60
    assert bench.program("stage", export, bench.mapping, tmp_path / "ledger.db").out == "60\n"
    assert bench.program("read_csv", export).out == "61\n"
    book = write_workbook(tmp_path / "export.xlsx", rows)
    assert bench.program("read_workbook", book).out == "61\n"
    assert bench.program("read_rows", book).out == "60\n"
    assert bench.program("read_rows", write_workbook(tmp_path / "typed.xlsx", rows, typed=True)).out == "60\n"
    assert bench.program("read_ledger", tmp_path / "ledger.db").out == "60\n"
    bench.program("map_rows", export, bench.mapping)
    assert float(bench.program("first_finding", export, bench.mapping).out) > 0
    bench.program("write_bodies", export, bench.mapping, bodies, rows)
    with api_server() as server:
        assert bench.program("bare_loop", f"{server.url}/cm/core/va/cases", bodies).out == "60\n"
        assert server.stats()["distinct"] == 60
    with api_server() as server:
        bench.import_run(export, server.url, created=rows, module="benchmarks.programs.guards_off")
        assert (server.stats()["distinct"], server.stats()["duplicates"]) == (60, 0)


# -- what is said of it ----------------------------------------------------------------------------------

LINE = Line("a thing", 1.5, "× another", most(1.35), "3 against 2")


def results() -> table.Results:
    outcome = Outcome([LINE], peers=[{"": "us", "rows/s": "7,000"}], skipped="the rest: no time")
    return {"peers": table.entry(outcome, machine={"date": "2026-01-01", "others": "60 %"}, sizes="quick", seconds=1.0)}


def test_a_missed_goal_is_said() -> None:
    assert "MISSED" in table.words(LINE)
    text = table.main_table(results())
    assert "| a thing | 1.5 × another | ≤ 1.35 | **missed** | 3 against 2 |" in text
    assert "the rest: no time" in text
    assert "small sizes of `--quick`: peers." in text
    assert "when these were measured: peers (60 %)." in text
    assert "| us | 7,000 |" in table.peers_table(results())


def test_figures_of_two_machines_are_not_mixed_under_one_name() -> None:
    outcome = Outcome([LINE])
    machines = {"rate": "new", "begin": "old", "auto": "new"}
    found = {
        name: table.entry(outcome, machine={"processor": machine, "others": "3 %"}, sizes="full", seconds=1.0)
        for name, machine in machines.items()
    }
    text = table.main_table(found)
    assert "new · sizes: rate (full), auto (full)\n\nold · sizes: begin (full)\n" in text


@pytest.mark.skipif(nginx_version() is None, reason="nginx is not installed")
def test_nginx_speaks_tls(tmp_path: Path) -> None:
    certificate = write_certificate(tmp_path)
    with nginx(certificate) as server:
        Bench(tmp_path, QUICK).import_run(
            write_export(tmp_path / "export.csv", 5), server.url, "--ca-file", certificate.certificate, created=5
        )


def test_damage_is_told_with_all_that_belongs_to_it() -> None:
    assert str(Damage(0, 0, 0, 0, code=0, seconds=1.0)) == "0 lost, 0 twice"
    told = str(Damage(2, 1000, 30, 4, code=5, seconds=1.0))
    assert told == "2 lost, 1,000 twice, 30 × 429 (4 after the first second), exit 5"


def test_tables_go_between_their_marks_and_nowhere_else(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- bench: peers -->\nold\n<!-- /bench -->\nafter\n", encoding="utf-8")
    table.put_between(document, "peers", "new\n")
    assert document.read_text(encoding="utf-8") == "before\n<!-- bench: peers -->\nnew\n<!-- /bench -->\nafter\n"
    with pytest.raises(ValueError, match="no place for table"):
        table.put_between(document, "table", "new\n")


def test_the_documents_have_the_places() -> None:
    for name, place in (("README.md", "peers"), ("docs/performance.md", "peers"), ("docs/performance.md", "table")):
        assert f"<!-- bench: {place} -->\n" in (ROOT / name).read_text(encoding="utf-8")


def test_the_picture_has_a_line_for_each_series() -> None:
    series = {"rows": [(10.0, 0.1, 80.0), (100.0, 1.0, 81.0)], "<notes>": [(1.0, 0.5, 70.0), (8.0, 2.0, 75.0)]}
    drawn = picture.draw(series)
    assert drawn.count("<polyline") == 4
    assert "rows: slope 1.00 in CPU" in drawn
    assert "&lt;notes&gt;" in drawn


def test_list_names_every_measurement() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--list"],
        cwd=ROOT,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split()[0] for line in ended.stdout.splitlines()] == [name for name, _, _ in measurements()]


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "bogus", "--out", tmp_path / "out"]
    ended = subprocess.run(command, cwd=ROOT, env=environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "bogus" in ended.stderr
