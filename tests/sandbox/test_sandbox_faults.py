"""When faults strike: selection, counting, chance, and plans as JSON."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from naming import short
from sandbox_client import CASES
from test_sandbox_auth import FORM, basic

from importer.errors import ConfigError
from importer.sandbox import FaultPlan, Rule, built_in_plan, load_plan
from importer.sandbox.operations import OPERATIONS

BUSY = {"do": "status", "status": 503}


def statuses(live, count, **fields):
    return [live.create(f"T-{number}", **fields).status for number in range(1, count + 1)]


def plan(*rules, seed=0):
    return FaultPlan(rules=rules, seed=seed)


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ({}, "xxxxxx"),
        ({"nth": 2}, ".x...."),
        ({"every": 3}, "..x..x"),
        ({"skip": 4}, "....xx"),
        ({"skip": 1, "nth": 2}, "..x..."),
        ({"skip": 1, "every": 2}, "..x.x."),
        ({"limit": 2}, "xx...."),
        ({"every": 2, "limit": 1}, ".x...."),
        ({"title": "T-3"}, "..x..."),
        ({"title": "-"}, "xxxxxx"),
        ({"chance": 0.0}, "......"),
        ({"on": ("list",)}, "......"),
        ({"on": ()}, "xxxxxx"),
        ({"on": ("list", "create"), "nth": 1}, "x....."),
    ],
    ids=short,
)
def test_a_rule_strikes_exactly_where_it_says(live, selectors, expected):
    live.play(plan(Rule(**BUSY, **selectors)))
    assert "".join("x" if status == 503 else "." for status in statuses(live, 6)) == expected
    assert len(live.truth()) == expected.count(".")
    assert live.state()["faults"].get("status", 0) == expected.count("x")


def test_an_external_id_selects_the_row_and_its_search_but_no_similar_one(live):
    live.play(plan(Rule(**BUSY, on=("create", "list", "update"), external_id="T-7")))
    assert live.create(custom_fields={"text1": "T-7"}).status == 503
    assert live.create("T-7", description="T-7", custom_fields={"text1": "T-77"}).status == 201
    assert live.search(custom_fields='[{"label": "text1", "value": "T-7"}]').status == 503
    assert live.search(custom_fields='{"text1": {"value": "T-7"}}').status == 503
    assert live.search(custom_fields='{"text1": {"value": "T-77"}}').status == 200
    assert live.search(custom_fields="no JSON").status == 400
    wrapped = {"custom_fields": {"text1": {"value": "T-7"}}}
    assert live.request("PATCH", f"{CASES}/1", wrapped).status == 503


def test_a_title_selects_a_search_by_title_too(live):
    live.play(plan(Rule(**BUSY, on=("list",), title="fire")))
    assert live.search(title="Printer on fire").status == 503
    assert live.search(title="Printer on ice").status == 200


def test_the_first_rule_that_fires_decides_and_the_others_still_count(live):
    live.play(
        plan(
            Rule(do="status", status=500, nth=2),
            Rule(do="status", status=502, every=2),
            Rule(do="status", status=504, skip=3),
        )
    )
    assert statuses(live, 6) == [201, 500, 201, 502, 504, 502]


def test_requests_that_are_not_admitted_use_up_nothing(open_sandbox):
    live = open_sandbox(faults=plan(Rule(**BUSY, on=(), nth=1)))
    assert live.request("GET", CASES, headers={"Authorization": "Bearer x"}).status == 401
    assert live.request("GET", "/nowhere").status == 404
    assert live.state()["faults"] == {}
    assert live.create().status == 503


def test_every_operation_can_fail(live):
    """The names that rules know are those of all routes."""
    live.play(plan(Rule(**BUSY, on=())))
    paths = [
        ("POST", CASES), ("GET", CASES), ("DELETE", CASES), ("GET", f"{CASES}/1"), ("PATCH", f"{CASES}/1"),
        ("DELETE", f"{CASES}/deleted-cases"), ("GET", "/cm/meta/va/fields"), ("GET", "/users"), ("GET", "/users/1"),
    ]  # fmt: skip
    assert {live.request(method, path).status for method, path in paths} == {503}
    assert live.token(FORM, Authorization=basic()).status == 503
    assert set(live.state()["requests"]) == set(OPERATIONS)


def test_a_plan_can_be_begun_anew_while_the_sandbox_runs(live):
    for _ in range(2):
        live.play(plan(Rule(**BUSY, nth=1)))
        assert statuses(live, 2) == [503, 201]
    live.play(FaultPlan())
    assert statuses(live, 2) == [201, 201]


def fates(live, titles, workers):
    with ThreadPoolExecutor(workers) as pool:
        return dict(zip(titles, pool.map(lambda title: live.create(title).status, titles), strict=True))


def test_chance_is_a_function_of_seed_and_row_not_of_the_order(open_sandbox):
    """The same rows meet the same fate, one by one or all at once; another seed, another fate."""
    titles = [f"T-{number}" for number in range(120)]
    runs = [
        fates(open_sandbox(faults=plan(Rule(**BUSY, chance=0.3), seed=seed)), order, workers)
        for seed, order, workers in ((7, titles, 1), (7, titles[::-1], 8), (8, titles, 1))
    ]
    assert runs[0] == runs[1] != runs[2]
    assert 15 < sum(status == 503 for status in runs[0].values()) < 60


def test_a_row_that_failed_by_chance_does_not_fail_for_ever(open_sandbox):
    live = open_sandbox(faults=plan(Rule(**BUSY, chance=0.5), seed=1))
    seen = [live.create("the same row").status for _ in range(40)]
    assert 8 < seen.count(503) < 32


@pytest.mark.parametrize(
    "wrong",
    [
        {"on": ("creates",)},
        {"nth": 0},
        {"every": 0},
        {"limit": 0},
        {"skip": -1},
        {"chance": 1.1},
        {"do": "index_lag", "on": ("create",)},
        {"do": "index_lag", "on": ()},
    ],
    ids=short,
)
def test_a_rule_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(ValueError, match="for Rule"):
        Rule(**{"do": "drop"} | wrong)


JSON_PLAN = {
    "name": "two bad rows",
    "seed": 7,
    "rules": [
        {"do": "drop", "save": True, "how": "rst", "external_id": "T-17"},
        {"do": "status", "status": 429, "retry_after": 2, "form": "date", "every": 50, "limit": 3},
        {"do": "status", "status": 503, "on": []},
        {"do": "index_lag", "seconds": 5, "chance": 1},
        {"do": "cut", "at": -1, "skip": 3},
    ],
}


def test_a_plan_in_a_file_says_what_a_plan_in_python_says(tmp_path):
    path = tmp_path / "faults.json"
    path.write_text(json.dumps(JSON_PLAN), encoding="utf-8")
    assert load_plan(path) == FaultPlan(
        name="two bad rows",
        seed=7,
        rules=(
            Rule(do="drop", save=True, how="rst", external_id="T-17"),
            Rule(do="status", status=429, retry_after=2, form="date", every=50, limit=3),
            Rule(do="status", status=503, on=()),
            Rule(do="index_lag", seconds=5),
            Rule(do="cut", at=-1, skip=3),
        ),
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "input should be a valid dictionary"),
        ({"rule": []}, "rule: extra inputs are not permitted"),
        ({"rules": {}}, "rules: input should be a valid tuple"),
        ({"seed": "x"}, "seed: input should be a valid integer"),
        ({"rules": ["drop"]}, "rule 1: do must be one of slow,"),
        ({"rules": [{"do": "explode"}]}, "rule 1: do must be one of slow,"),
        ({"rules": [{"do": "drop"}, {"do": "cut", "at": "x"}]}, "rule 2: at: input should be a valid integer"),
        ({"rules": [{"do": "drop", "how": "gently"}]}, "rule 1: how: input should be 'fin' or 'rst'"),
        ({"rules": [{"do": "drop", "save": "x"}]}, "rule 1: save: input should be a valid boolean"),
        ({"rules": [{"do": "drop", "at": 5}]}, "rule 1: drop does not have at"),
        ({"rules": [{"do": "drop", "stamp": "x"}]}, "rule 1: stamp: extra inputs are not permitted"),
        ({"rules": [{"do": "drop", "chance": []}]}, "rule 1: chance: input should be a valid number"),
        ({"rules": [{"do": "drop", "on": "create"}]}, "rule 1: on: input should be a valid tuple"),
        ({"rules": [{"do": "drop", "on": ["creates"]}]}, "rule 1: on: 0: input should be 'create', 'list',"),
        ({"rules": [{"do": "drop", "nth": 1.5}]}, "rule 1: nth: input should be a valid integer"),
    ],
    ids=short,
)
def test_a_wrong_plan_is_refused_with_its_place(tmp_path, content, said):
    path = tmp_path / "faults.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ConfigError) as refusal:
        load_plan(path)
    assert said in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_a_file_that_is_no_json_is_refused(tmp_path):
    for content in (b"", b"{", b"\xff"):
        (tmp_path / "faults.json").write_bytes(content)
        with pytest.raises(ConfigError, match="cannot be read as JSON"):
            load_plan(tmp_path / "faults.json")
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file or directory\)"):
        load_plan(tmp_path / "missing.json")


@pytest.mark.parametrize(("name", "least", "most"), [("calm", 0, 4), ("rough", 8, 60), ("hostile", 70, 160)])
def test_profiles_are_as_bad_as_they_say(open_sandbox, name, least, most):
    """Of 600 creates, about none, a twentieth and a sixth meet something."""
    rules = [rule for rule in built_in_plan(name, 3).rules if "create" in rule.on and rule.limit is None]
    chances = [rule.chance for rule in rules if rule.chance < 1]
    live = open_sandbox(faults=plan(*(Rule(**BUSY, chance=chance) for chance in chances), seed=3))
    assert least <= statuses(live, 600).count(503) <= most


def test_profiles_leave_out_what_must_stop_a_run():
    """Crossed answers, repeated ids and redirects stop an importer, rightly; a rehearsal has to end by itself."""
    used = {rule.do for name in ("calm", "rough", "hostile") for rule in built_in_plan(name).rules}
    assert not used & {"repeat_id", "redirect", "save_twice", "ignore_filter"}
