"""The measurements themselves: wrong figures are worse than none. Nothing is measured here."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from benchmarks.__main__ import table, write_between_marks
from benchmarks.api_server import Api
from benchmarks.export import COLUMNS, write_export, write_mapping
from benchmarks.measure import ROOT, FailedError, alternate, ratio, run
from benchmarks.measurements import FAULTS, Bench, Line, damage
from benchmarks.script_payload import tickets
from benchmarks.servers import api_server
from importer import State, check, preview


def test_the_ratio_is_the_median_of_rounds() -> None:
    assert ratio([2.0, 4.0, 90.0], [1.0, 2.0, 3.0]) == 2.0


def test_a_child_that_fails_is_not_a_figure(tmp_path: Path) -> None:
    with pytest.raises(FailedError, match="no such thing"):
        run(["python3", "-c", "raise SystemExit('no such thing')"], folder=tmp_path)


def test_programs_take_turns(tmp_path: Path) -> None:
    seen: list[str] = []
    cost = run(["python3", "-c", "x = bytearray(80_000_000)"], folder=tmp_path)
    assert cost.peak > 80
    alternate({name: lambda name=name: (seen.append(name), cost)[1] for name in "ab"}, rounds=3)  # type: ignore[misc]
    assert "".join(seen) == "abbaab"


def test_the_export_is_as_described(tmp_path: Path) -> None:
    path = write_export(tmp_path / "export.csv", 4_000)
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert len({row[0] for row in rows}) == 4_000
    assert 390 < path.stat().st_size / 4_000 < 440
    assert 0.25 < sum("\n" in row[2] for row in rows) / 4_000 < 0.32


def test_script_and_importer_send_the_same(tmp_path: Path) -> None:
    export, mapping = write_export(tmp_path / "export.csv", 50), write_mapping(tmp_path / "m.yml")
    assert check(export, mapping).totals.counts == {State.PENDING: 50}
    ours = [json.loads(row.body or b"") for row in preview(export, mapping, count=50)]
    assert list(tickets(str(export))) == ours


def create(api: Api, key: str, now: float = 100.0) -> int:
    body = json.dumps({"title": "Hello", "custom_fields": {"text1": key}}).encode()
    answer = api.answer("POST", "/cm/core/va/cases", body, now=now)
    return 0 if answer is None else int(answer.split()[1])


def test_the_server_counts_by_external_id() -> None:
    api = Api()
    assert [create(api, key) for key in "abca"] == [201] * 4
    stats = api.stats()
    assert (stats["created"], stats["distinct"], stats["duplicates"]) == (4, 3, 1)


def test_a_failed_create_makes_nothing_and_a_cut_one_does() -> None:
    api = Api(fail=1.0)
    assert (create(api, "a"), api.stats()["created"]) == (503, 0)
    api = Api(cut=1.0)
    assert (create(api, "a"), api.stats()["created"]) == (0, 1)


def test_the_limit_holds_in_every_sliding_second() -> None:
    api = Api(limit=2)
    moments = (100.0, 100.5, 100.9, 101.01, 101.02, 101.6)
    assert [create(api, str(moment), moment) for moment in moments] == [201, 201, 429, 201, 429, 201]
    stats = api.stats()
    assert (stats["throttled"], stats["throttled_late"], stats["fullest_second"]) == (2, 1, 4)


@pytest.mark.timeout(200)
def test_an_import_is_counted(tmp_path: Path) -> None:
    """The whole way: the export, the mapping, the command, a fault, the counts of the server."""
    bench = Bench(tmp_path)
    with api_server("--cut", 0.05) as server:
        bench.import_once(100, server.url, "--horizon", 0.2)
        stats = server.stats()
    assert (stats["distinct"], stats["duplicates"]) == (100, 0)
    assert stats["lookups"] > 0


@pytest.mark.timeout(200)
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_counted_at_the_server(tmp_path: Path, fault: str) -> None:
    """The script loses nothing and creates twice what was cut, or what existed before it was killed."""
    bench = Bench(tmp_path)
    lost, twice = damage(fault, FAULTS[fault], bench.script(bench.export(400), "{url}"), 400, tmp_path)
    assert lost == 0
    assert (twice > 0) == (fault in ("kill -9", "2 % created, then cut"))


def test_a_missed_goal_is_shown() -> None:
    text = table([Line("a thing", "1.5 ×", "≤ 1.35", False, "3 against 2")])
    assert "| a thing | 1.5 × | ≤ 1.35 | **missed** | 3 against 2 |" in text


def test_the_table_goes_between_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n", encoding="utf-8")
    write_between_marks(document, "new\n")
    assert document.read_text(encoding="utf-8") == "before\n<!-- bench -->\nnew\n<!-- /bench -->\nafter\n"
    write_between_marks(document, "new\n")
    assert "<!-- bench -->\n" in (ROOT / "docs/performance.md").read_text(encoding="utf-8")
