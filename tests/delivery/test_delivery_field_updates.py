"""Promise P16: what is set after the creation gets into its case, in order, or is open; nothing of others is undone."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from delivering import TOKEN
from ledgers import EXTERNAL_ID_FIELD, case_body, stage, valid

from importer.delivery.side_effects import with_first_status
from importer.delivery.stopping import Stop
from importer.delivery.update_lookup import Shown, changed_by_server, fields_in_case
from importer.ledger import Ledger
from importer.ledger.records import Selection
from importer.models import Link, Links, UpdateBody, UpdateKind
from importer.progress.progress import Progress
from importer.sandbox import FaultPlan, Rule, Sandbox, SandboxOptions
from importer.sandbox.faults import Automation, Change
from importer.settings.model import Settings
from importer.talkdesk.bodies import all_sent
from importer.talkdesk.credentials import SecretCredentials
from importer.talkdesk.shown import Case
from importer.verbs.ledger_run import RunOptions, send_pending
from importer.verbs.session import OpenTarget

SENT = {"type": "TASK", "status": "RESOLVED", "custom_fields.text2": "x"}
BEFORE = {"status": "NEW"}
SOLVED = {"status": "RESOLVED", "resolution": "Done"}


def case(**fields: Any) -> Case:
    return Case.model_validate({"id": "1", "custom_fields": {}, **fields})


@pytest.mark.parametrize(
    ("shown", "means"),
    [
        pytest.param(
            {"type": "TASK", "status": "RESOLVED", "custom_fields": {"text2": "x"}}, Shown.THERE, id="all as sent"
        ),
        pytest.param(
            {"type": "Task", "status": "Resolved", "custom_fields": {"text2": {"value": "x"}}},
            Shown.THERE,
            id="as lists write it",
        ),
        pytest.param({"status": "NEW"}, Shown.ABSENT, id="as before"),
        pytest.param({"status": "NEW", "type": "TASK"}, Shown.UNCLEAR, id="set, and one of them set back since"),
        pytest.param({"status": "NEW", "type": "QUESTION"}, Shown.ABSENT, id="as before, with a type of the account"),
        pytest.param(
            {"type": "TASK", "status": "CLOSED", "custom_fields": {"text2": "x"}}, Shown.THERE, id="closed since"
        ),
        pytest.param({"status": "OPEN"}, Shown.UNCLEAR, id="somebody works with it"),
        pytest.param(
            {"status": "RESOLVED", "type": "TASK", "custom_fields": {"text2": "y"}}, Shown.UNCLEAR, id="a third value"
        ),
    ],
)
def test_what_a_look_proves(shown: dict[str, Any], means: Shown) -> None:
    assert fields_in_case(SENT, BEFORE, listed=None, alone=case(**shown)) is means


def test_what_was_so_before_is_no_proof() -> None:
    """A case with an owner is open already; whether its group was set is not shown."""
    sent, before = {"status": "OPEN", "group_id": "g"}, {"status": "OPEN"}
    assert fields_in_case(sent, before, listed=None, alone=case(status="OPEN")) is Shown.ABSENT
    assert fields_in_case(sent, before, listed=case(group_id="g"), alone=case(status="OPEN")) is Shown.THERE


def test_a_case_that_somebody_closed_was_not_solved_by_us() -> None:
    assert fields_in_case(SENT, BEFORE, listed=None, alone=case(status="CLOSED")) is Shown.UNCLEAR


def test_what_no_read_shows_proves_nothing() -> None:
    assert fields_in_case({"resolution": "Done"}, BEFORE, listed=None, alone=case(status="NEW")) is Shown.UNCLEAR


def test_the_group_is_shown_by_the_list_alone() -> None:
    alone = case(status="NEW")
    assert fields_in_case({"group_id": "g"}, BEFORE, listed=None, alone=alone) is Shown.UNCLEAR
    assert fields_in_case({"group_id": "g"}, BEFORE, listed=case(group_id="g"), alone=alone) is Shown.THERE
    assert fields_in_case({"group_id": "g"}, BEFORE, listed=case(), alone=alone) is Shown.ABSENT
    assert fields_in_case({"group_id": "g"}, BEFORE, listed=case(group_id="h"), alone=alone) is Shown.UNCLEAR


def test_what_stood_there_before_is_what_was_sent_last() -> None:
    created = orjson.dumps({"title": "t", "owner_id": "u", "custom_fields": {"text1": "A"}, "notes": []})
    later = orjson.dumps({"custom_fields": {"text1": {"value": "B"}}})
    known = {"title": "t", "owner_id": "u", "custom_fields.text1": "B", "status": "OPEN"}
    assert with_first_status(all_sent([created, later])[0]) == known
    assert with_first_status({"title": "t"})["status"] == "NEW"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"type": "QUESTION"}, {"type": "Question"}),
        ({"priority": "NORMAL"}, {"priority": "NORMAL"}),
        ({"custom_fields.checkbox1": False}, {"custom_fields": {"checkbox1": False}}),
        ({"custom_fields.checkbox1": False}, {"custom_fields": {"checkbox1": "false"}}),
    ],
)
def test_what_an_account_gives_each_case_is_no_proof_of_what_is_not_shown(
    given: dict[str, Any], shown: dict[str, Any]
) -> None:
    sent, alone = {**given, "group_id": "g"}, case(status="NEW", **shown)
    assert fields_in_case(sent, BEFORE, listed=None, alone=alone) is Shown.UNCLEAR
    assert fields_in_case(sent, BEFORE, listed=case(group_id="g", **shown), alone=alone) is Shown.THERE
    assert fields_in_case(sent, BEFORE, listed=case(group_id="agents", **shown), alone=alone) is Shown.UNCLEAR
    closed = case(status="CLOSED", **shown)
    assert fields_in_case({**given, **SOLVED}, BEFORE, listed=None, alone=closed) is Shown.UNCLEAR


def test_a_status_that_an_owner_brings_is_no_proof_of_what_is_not_shown() -> None:
    """An account may give the case an owner, so that it is open."""
    sent, alone = {"status": "OPEN", "group_id": "g"}, case(status="OPEN")
    assert fields_in_case(sent, BEFORE, listed=None, alone=alone) is Shown.UNCLEAR
    assert fields_in_case(sent, BEFORE, listed=case(status="OPEN", group_id="g"), alone=alone) is Shown.THERE


def test_an_owner_whose_id_is_shown_as_a_number_is_there() -> None:
    sent = {"owner_id": "4711"}
    assert fields_in_case(sent, BEFORE, listed=None, alone=case(owner_id=4711)) is Shown.THERE
    assert fields_in_case(sent, BEFORE, listed=None, alone=case(owner_id=4712)) is Shown.UNCLEAR


def test_what_the_server_made_of_it_is_told() -> None:
    told = list(changed_by_server({"priority": "HIGH", "type": "TASK"}, case(priority="URGENT", type="Task")))
    assert told == ["priority: sent 'HIGH', the case has 'URGENT'"]


# -- against the sandbox ----------------------------------------------------------------------------------


def update(kind: UpdateKind, **fields: Any) -> UpdateBody:
    return UpdateBody(kind, orjson.dumps(fields), len(fields))


UPDATES = (
    update(
        UpdateKind.SOLVE, type="TASK", custom_fields={"text2": {"value": "x"}}, resolution="Done", status="RESOLVED"
    ),
    update(UpdateKind.CLOSE, status="CLOSED"),
)


def staged(path: Path, *keys: str, parent: str = "", updates: Sequence[UpdateBody] = UPDATES) -> Path:
    rows = []
    for row, key in enumerate(keys, 2):
        one = valid(key, row=row, body=case_body(key))
        link = Link(None, parent if parent and key != parent else None) if parent else None
        rows.append(one.__class__(one.row, one.mapped._replace(case_updates=tuple(updates), link=link)))
    with Ledger(path, verb="run") as ledger:
        stage(ledger, rows, **({"links": Links("Parent")} if parent else {}))
    return path


async def send(path: Path, sandbox: Sandbox, **more: Any) -> None:
    known = SecretCredentials(sandbox.client_id, sandbox.client_secret)
    target = OpenTarget("sandbox", sandbox.base_url, sandbox.token_url, lambda: known)
    how = {"api_url": sandbox.base_url, "settle_delay": 0.0, "concurrency": 4, "grace": 5.0, "token": TOKEN}
    with Ledger(path, verb="run") as ledger:
        delivered = await send_pending(
            ledger, target, Settings(**how), RunOptions(chosen=Selection()), stop=Stop(), progress=Progress()
        )
    assert delivered.error is None


def parts(path: Path) -> dict[tuple[str, int], tuple[str, str | None, int]]:
    query = (
        "SELECT key, position, a.state, a.code, a.attempts FROM case_update a JOIN record r ON r.id = record"
        " ORDER BY 1, 2"
    )
    with closing(sqlite3.connect(path)) as ledger:
        return {(key, position): (state, code, sent) for key, position, state, code, sent in ledger.execute(query)}


async def test_fields_are_set_and_the_case_is_closed(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db", "A", "B")
    async with Sandbox() as sandbox:
        await send(path, sandbox)
        for made in sandbox.cases():
            assert (made["status"], made["type"], made["resolution"]) == ("CLOSED", "TASK", "Done")
            assert made["custom_fields"]["text2"] == "x"
    assert {state for state, *_ in parts(path).values()} == {"done"}


@pytest.mark.parametrize(
    ("effect", "code", "attempts"),
    [
        pytest.param({"do": "drop", "save": True}, "found", 1, id="set, and the answer is lost"),
        pytest.param({"do": "drop", "save": False}, "updated", 2, id="not set, and no answer"),
        pytest.param({"do": "status", "status": 503, "save": True}, "found", 1, id="set, and 503"),
        pytest.param({"do": "status", "status": 503}, "updated", 2, id="not set, and 503"),
    ],
)
async def test_a_lost_answer_is_looked_up(tmp_path: Path, effect: dict[str, Any], code: str, attempts: int) -> None:
    path = staged(tmp_path / "l.db", "A")
    async with Sandbox(SandboxOptions(faults=FaultPlan(rules=(Rule(**effect, on=("update",), nth=1),)))) as sandbox:
        await send(path, sandbox)
        (made,) = sandbox.cases()
        assert made["status"] == "CLOSED"
    assert parts(path)[("A", 1)] == ("done", code, attempts)


async def test_what_an_agent_does_between_two_looks_is_not_undone(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db", "A")
    lost = Rule(do="drop", save=False, on=("update",), nth=1)
    agent = Rule(do="edit", set={"status": "PENDING"}, on=("get",), nth=1)
    async with Sandbox(SandboxOptions(faults=FaultPlan(rules=(lost, agent)))) as sandbox:
        await send(path, sandbox)
        (made,) = sandbox.cases()
        assert made["status"] == "PENDING"
    assert parts(path)[("A", 1)] == ("unknown", "unclear", 1)


async def test_a_group_that_no_read_shows_is_not_called_set(tmp_path: Path) -> None:
    """The account gives each new case the type that is to be set, so only the group would prove the update."""
    fields = update(UpdateKind.FIELDS, type="QUESTION", group_id="second-level")
    path = staged(tmp_path / "l.db", "A", updates=(fields,))
    plan = FaultPlan(
        automations=(Automation(on=("create",), set=Change(type="QUESTION")),),
        rules=(
            Rule(do="drop", save=False, on=("update",), nth=1),
            Rule(do="status", status=400, on=("list",)),  # no filter by case ids
        ),
    )
    async with Sandbox(SandboxOptions(faults=plan, reads="spec")) as sandbox:
        await send(path, sandbox)
        assert [made["group_id"] for made in sandbox.cases()] == ["agents"]
    assert parts(path)[("A", 1)] == ("unknown", "unclear", 1)


async def test_after_many_refusals_in_a_row_the_others_are_not_sent(tmp_path: Path) -> None:
    """A group that does not exist would be refused ten thousand times."""
    path = staged(tmp_path / "l.db", *(f"K{number}" for number in range(60)))
    refusing = FaultPlan(rules=(Rule(do="status", status=422, on=("update",)),))
    async with Sandbox(SandboxOptions(faults=refusing)) as sandbox:
        await send(path, sandbox)
    states = Counter(state for (_, position), (state, *_) in parts(path).items() if position == 1)
    assert 20 <= states["refused"] < 20 + 4  # as many more as there are workers
    assert states["pending"] == 60 - states["refused"]


async def test_a_parent_is_solved_after_its_children(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db", "P", "C1", "C2", parent="P")
    async with Sandbox() as sandbox:
        await send(path, sandbox)
        assert {made["status"] for made in sandbox.cases()} == {"CLOSED"}
        assert {made["custom_fields"][EXTERNAL_ID_FIELD] for made in sandbox.cases()} == {"P", "C1", "C2"}
    with closing(sqlite3.connect(path)) as ledger:
        order = ledger.execute(
            "SELECT key, position FROM case_update_event e JOIN record r ON r.id = e.record WHERE e.state = 'sending'"
            " ORDER BY e.id"
        ).fetchall()
    assert order.index(("P", 1)) > max(order.index((child, 2)) for child in ("C1", "C2"))
