"""Children wait for their parents, are let go with them, and are never sent too early."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from ledgers import case_body, do, filtered, invalid, mark_one, new_source, pending, row_of, settle_one, stage, valid
from test_ledger_parents import child, create, standing

from importer.errors import LedgerError
from importer.ledger import Ledger, LedgerView, decisions, sources
from importer.ledger.causes import causes
from importer.ledger.contents import forget
from importer.ledger.records import Mark, Outcome, Pending, Selection, Settled
from importer.models import Link, Links, Mapped, State

LINKS = Links("P")
FAMILY = [child("B", "A", row=2), child("A", row=3), child("C", "A", row=4)]


def body_of(ledger: Ledger, key: str) -> bytes:
    query = "SELECT body FROM content JOIN record ON record.id = content.record WHERE key = ? ORDER BY record.id DESC"
    body: str = ledger.connection.execute(query, (key,)).fetchone()[0]
    return body.encode()


def states(ledger: Ledger) -> str:
    """``A created, B pending``: the newest record of each key."""
    return ", ".join(f"{key} {state}" for key, (state, _) in sorted(standing(ledger).items()))


def page(ledger: Ledger, *, source: int | None = None, after: int = 0, limit: int = 100) -> list[str]:
    return [one.key for one in ledger.next_page(Selection(source), after=after, limit=limit)]


def settle(
    ledger: Ledger, key: str, state: State, before: State = State.SENDING, case_id: str | None = None
) -> Settled:
    number = row_of(ledger, key)["id"]
    if before is State.SENDING:
        assert do(ledger, lambda: mark_one(ledger, number)) == [Mark.DONE]
    [settled] = do(ledger, lambda: settle_one(ledger, number, before, Outcome(state, case_id, code="x")))
    assert isinstance(settled, Settled)
    return settled


def test_a_child_waits_before_and_behind_its_parent(ledger: Ledger) -> None:
    stage(ledger, FAMILY, links=LINKS)
    assert states(ledger) == "A pending, B waiting, C waiting"
    assert [one.key for one in pending(ledger)] == ["A"]


def test_an_answer_lets_the_children_go_with_the_id_in_its_place(ledger: Ledger) -> None:
    stage(ledger, FAMILY, links=LINKS)
    create(ledger, "A")
    assert states(ledger) == "A created, B pending, C pending"
    wanted = {"title": "Ticket B", "description": "It burns.", "parent_id": "case A", "custom_fields": {"text1": "B"}}
    assert body_of(ledger, "B") == orjson.dumps(wanted)


@pytest.mark.parametrize("way", ["looked up", "a person said so", "a person chose one of several"])
def test_every_way_to_become_a_case_lets_the_children_go(ledger: Ledger, way: str) -> None:
    stage(ledger, FAMILY, links=LINKS)
    settle(ledger, "A", State.UNKNOWN)
    assert states(ledger) == "A unknown, B waiting, C waiting"
    if way == "looked up":
        settle(ledger, "A", State.CREATED, before=State.UNKNOWN, case_id="7")
    else:
        if way == "a person chose one of several":
            settle(ledger, "A", State.DUPLICATE, before=State.UNKNOWN)
        decisions.resolve(ledger, "A", Outcome(State.CREATED, "7", code="resolved"))
    assert states(ledger) == "A created, B pending, C pending"
    assert orjson.loads(body_of(ledger, "C"))["parent_id"] == "7"


def test_a_body_that_changed_while_its_row_waited_is_noticed(ledger: Ledger) -> None:
    """The id of the parent is put into it and it gets a new checksum, so the old one is looked at first."""
    stage(ledger, FAMILY, links=LINKS)
    ledger.connection.execute("UPDATE content SET body = replace(body, 'burns', 'turns') WHERE record = 1")
    with pytest.raises(LedgerError, match="is damaged: what is to be sent for row 2 has changed"):
        create(ledger, "A")
    assert states(ledger) == "A sending, B waiting, C waiting"


@pytest.mark.parametrize("state", [State.REFUSED, State.UNKNOWN, State.PENDING])
def test_a_parent_that_is_no_case_keeps_its_children(ledger: Ledger, state: State) -> None:
    stage(ledger, FAMILY, links=LINKS)
    settle(ledger, "A", state)
    assert states(ledger) == f"A {state}, B waiting, C waiting"


def test_when_two_answers_cross_children_wait_again(ledger: Ledger) -> None:
    stage(ledger, [*FAMILY, child("D", row=5)], links=LINKS)
    settle(ledger, "A", State.CREATED, case_id="7")
    settle(ledger, "B", State.CREATED, case_id="8")
    assert settle(ledger, "D", State.CREATED, case_id="7") is Settled.CROSSED
    assert states(ledger) == "A unknown, B created, C waiting, D unknown"
    settle(ledger, "A", State.CREATED, before=State.UNKNOWN, case_id="9")
    assert orjson.loads(body_of(ledger, "C"))["parent_id"] == "9"


# -- what must not happen -------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.PENDING, State.WAITING])
def test_the_database_refuses_a_child_that_is_sent_too_early(ledger: Ledger, state: State) -> None:
    stage(ledger, FAMILY, links=LINKS)
    ledger.connection.execute("UPDATE record SET state = ? WHERE key = 'B'", (state,))
    with pytest.raises(sqlite3.IntegrityError):
        ledger.connection.execute("UPDATE record SET state = 'sending' WHERE key = 'B'")


def test_the_database_refuses_a_child_with_the_id_of_another_case(ledger: Ledger) -> None:
    stage(ledger, FAMILY, links=LINKS)
    create(ledger, "A")
    wrong = case_body("B", parent_id="case X").decode()
    ledger.connection.execute("UPDATE content SET body = ? WHERE record = ?", (wrong, row_of(ledger, "B")["id"]))
    with pytest.raises(sqlite3.IntegrityError, match="its parent is not the case"):
        ledger.connection.execute("UPDATE record SET state = 'sending' WHERE key = 'B'")


def test_a_child_that_comes_back_from_unknown_gets_the_parent_that_it_has_now(ledger: Ledger) -> None:
    """Its body names a case that its parent turned out not to be."""
    stage(ledger, [*FAMILY, child("D", row=5)], links=LINKS)
    settle(ledger, "A", State.CREATED, case_id="7")
    settle(ledger, "B", State.UNKNOWN)
    settle(ledger, "D", State.CREATED, case_id="7")
    settle(ledger, "B", State.PENDING, before=State.UNKNOWN)
    number = row_of(ledger, "B")["id"]
    assert do(ledger, lambda: mark_one(ledger, number)) == [Mark.NOT_PENDING]
    assert states(ledger) == "A unknown, B waiting, C waiting, D unknown"
    settle(ledger, "A", State.CREATED, before=State.UNKNOWN, case_id="9")
    assert orjson.loads(body_of(ledger, "B"))["parent_id"] == "9"

    settle(ledger, "B", State.UNKNOWN)
    settle(ledger, "B", State.PENDING, before=State.UNKNOWN)
    wrong = case_body("B", parent_id="7")
    ledger.connection.execute(
        "UPDATE content SET body = ?, payload_sha256 = ? WHERE record = ?",
        (wrong.decode(), sha256(wrong).hexdigest(), number),
    )
    assert do(ledger, lambda: mark_one(ledger, number)) == [Mark.NOT_PENDING]
    assert orjson.loads(body_of(ledger, "B"))["parent_id"] == "9", "its parent is a case, so it may go at once"
    assert do(ledger, lambda: mark_one(ledger, number)) == [Mark.DONE]


# -- pages ----------------------------------------------------------------------------------------------


def test_released_children_come_once_wherever_they_stand(ledger: Ledger) -> None:
    stage(ledger, FAMILY, links=LINKS)  # B 1, A 2, C 3
    assert page(ledger, limit=1) == ["A"]
    create(ledger, "A")
    assert page(ledger, after=2) == ["B", "C"], "B stands before the page, C behind it"
    assert page(ledger, after=3) == []


def test_children_behind_the_page_come_with_their_own_page(ledger: Ledger) -> None:
    stage(ledger, [child("A"), child("B", "A"), child("C"), child("D", "A")], links=LINKS)
    assert page(ledger, limit=1) == ["A"]
    create(ledger, "A")
    assert page(ledger, after=1, limit=1) == ["B"]
    assert page(ledger, after=2) == ["C", "D"]


def test_children_in_other_sources_are_sent_by_the_run_that_lets_them_go(ledger: Ledger) -> None:
    first = stage(ledger, [child("A")], links=LINKS)
    second = stage(ledger, [child("B", "A"), child("C")], sha256="2" * 64, links=LINKS)
    assert page(ledger, source=first) == ["A"]
    create(ledger, "A")
    assert page(ledger, source=first, after=1) == ["B"], "what was pending there before stays"
    third = ledger.next_page(Selection(second), after=0, limit=9)
    assert [(one.key, one.released) for one in third] == [("B", False), ("C", False)]


def test_released_children_belong_to_the_run(ledger: Ledger) -> None:
    """So that those of a refused parent are sent when that is retried."""
    stage(ledger, FAMILY, links=LINKS)
    settle(ledger, "A", State.REFUSED)
    path = ledger.path
    ledger.close()
    with Ledger(path, verb="retry") as again:
        assert decisions.reopen_refused(again) == 1
        [parent] = again.next_page(Selection(run=again.run), after=0, limit=9)
        create(again, parent.key)
        assert [one.key for one in again.next_page(Selection(run=again.run), after=2, limit=9)] == ["B", "C"]


def test_pages_stay_within_their_limit(ledger: Ledger) -> None:
    stage(ledger, [*[child(f"K{number}", "A") for number in range(5)], child("A")], links=LINKS)
    create(ledger, "A")
    handed: list[Pending] = []
    while more := ledger.next_page(Selection(), after=6, limit=2):
        assert len(more) <= 2
        handed += more
    assert sorted(one.key for one in handed) == [f"K{number}" for number in range(5)]
    assert all(one.released for one in handed)


# -- several files --------------------------------------------------------------------------------------


def test_a_parent_of_an_earlier_file_is_named_at_once(ledger: Ledger) -> None:
    stage(ledger, [valid("A")])
    create(ledger, "A")
    stage(ledger, [child("B", "A")], links=LINKS)
    assert states(ledger) == "A created, B pending"
    assert orjson.loads(body_of(ledger, "B"))["parent_id"] == "case A"


@pytest.mark.parametrize("name", [None, "1"])
def test_a_row_that_is_a_case_already_stands_for_that_case(ledger: Ledger, name: str | None) -> None:
    """The parent is in the new file too, and skipped; by its key its case is found, whatever it is called now."""
    stage(ledger, [valid("A")])
    create(ledger, "A")
    stage(ledger, [child("A", name=name), child("B", name or "A", name=name and "2")], links=LINKS)
    assert states(ledger) == "A skipped, B pending"
    assert orjson.loads(body_of(ledger, "B"))["parent_id"] == "case A"


def test_a_case_that_was_forgotten_is_still_found_by_its_name(ledger: Ledger) -> None:
    stage(ledger, [child("A", name="1"), child("B", "1", name="2")], links=LINKS)
    create(ledger, "A")
    create(ledger, "B")
    assert forget(ledger, [State.CREATED, State.SKIPPED]) == 2
    kept = "SELECT name, parent, parent_key FROM link ORDER BY record"
    assert ledger.connection.execute(kept).fetchall() == [("1", None, None), ("2", None, "A")]
    stage(ledger, [child("C", "1", name="3"), child("D", "2", name="4")], sha256="2" * 64, links=LINKS)
    assert states(ledger) == "A created, B created, C pending, D invalid"
    assert orjson.loads(body_of(ledger, "C"))["parent_id"] == "case A"
    assert row_of(ledger, "D")["code"] == "parent_too_deep"


def test_children_that_wait_are_let_go_by_a_parent_that_was_forgotten(ledger: Ledger) -> None:
    """Two answers crossed, so the children wait; meanwhile somebody forgets what is finished."""
    stage(ledger, FAMILY, links=LINKS)
    create(ledger, "A")
    create(ledger, "B")
    do(ledger, lambda: ledger.connection.execute("UPDATE record SET state = 'waiting' WHERE key = 'C'"))
    forget(ledger, [State.CREATED, State.SKIPPED])
    stage(ledger, [child("D")], sha256="2" * 64, links=LINKS)
    assert states(ledger) == "A created, B created, C pending, D pending"
    assert orjson.loads(body_of(ledger, "C"))["parent_id"] == "case A"


def test_a_row_that_is_filtered_is_above_nobody(ledger: Ledger) -> None:
    stage(ledger, [filtered("A"), child("B", "A")], links=LINKS)
    assert states(ledger) == "A skipped, B invalid"
    assert row_of(ledger, "B")["code"] == "missing_parent"


def test_a_child_that_is_a_case_already_is_the_same_row_when_it_is_read_again(ledger: Ledger) -> None:
    stage(ledger, FAMILY, links=LINKS)
    for key in ("A", "B", "C"):
        create(ledger, key)
    moved = [child("B", "A"), child("A"), child("C", "B")]
    stage(ledger, moved, sha256="2" * 64, links=LINKS)
    assert [row_of(ledger, key)["code"] for key in "ABC"] == [
        "already_created",
        "already_created",
        "already_created_changed",
    ]


def test_a_corrected_parent_lets_the_children_of_the_first_file_go(ledger: Ledger) -> None:
    stage(ledger, [child("A", fits=False), child("B", "A")], links=LINKS)
    assert states(ledger) == "A invalid, B waiting"
    stage(ledger, [child("A")._replace(replaces=1)], sha256="2" * 64, links=LINKS)
    create(ledger, "A")
    assert orjson.loads(body_of(ledger, "B"))["parent_id"] == "case A"


def test_children_follow_a_parent_whose_key_was_corrected(ledger: Ledger) -> None:
    stage(ledger, [child("A", fits=False), child("B", "A")], links=LINKS)
    stage(ledger, [child("A-2")._replace(replaces=1)], sha256="2" * 64, links=LINKS)
    create(ledger, "A-2")
    assert states(ledger) == "A skipped, A-2 created, B pending"
    assert orjson.loads(body_of(ledger, "B"))["parent_id"] == "case A-2"


def test_children_of_an_earlier_file_are_looked_at_again_when_their_parent_moves(ledger: Ledger) -> None:
    """B was below A, which a corrected file puts below C: that would be one level too many."""
    stage(ledger, [child("A", fits=False), child("B", "A")], links=Links("P", deep="root"))
    stage(ledger, [child("A", "C")._replace(replaces=1), child("C")], sha256="2" * 64, links=LINKS)
    assert standing(ledger) == {"A": ("waiting", "C"), "B": ("waiting", "C"), "C": ("pending", None)}


def test_rows_mapped_anew_find_their_parents_anew(ledger: Ledger) -> None:
    source = stage(ledger, [child("A"), child("B", "X"), child("C", "A")], links=LINKS)
    assert states(ledger) == "A pending, B invalid, C waiting"
    wanted = {State.PENDING, State.INVALID, State.WAITING}
    unsent = sources.unsent_rows(ledger, source, states=wanted, after=0, limit=9)
    parents = {"A": None, "B": "A", "C": "B"}
    remapped = [
        (old, Mapped(old.cells[0], case_body(old.cells[0]), link=Link(None, parents[old.cells[0]]))) for old in unsent
    ]
    sources.remap(ledger, source, remapped)
    sources.adopt_mapping(ledger, source, new_source(mapping_sha256="9" * 64, links=Links("P", deep="root")))
    assert standing(ledger) == {"A": ("pending", None), "B": ("waiting", "A"), "C": ("waiting", "A")}


def test_what_an_interrupted_reading_left_behind_names_nobody(ledger: Ledger) -> None:
    stage(ledger, [child("A", name="1")], finish=False, links=LINKS)
    stage(ledger, [child("B", "1", name="2")], sha256="2" * 64, links=LINKS)
    assert states(ledger) == "B invalid"


def test_of_two_rows_with_one_name_the_first_that_answers_counts(ledger: Ledger) -> None:
    rows = [child("A", name="1"), child("A", name="1"), child("B", name="1"), child("C", "1", name="3")]
    stage(ledger, rows, links=LINKS)
    assert standing(ledger)["C"] == ("waiting", "A")


# -- reports --------------------------------------------------------------------------------------------


def test_reports_say_what_a_child_waits_for(ledger: Ledger) -> None:
    rows = [child("B", "A", row=7), invalid("A", row=8), child("D", "C", row=9), child("C", row=10)]
    stage(ledger, rows, links=LINKS)
    view(ledger, "waits for row 8 of tickets.csv, which is invalid: fix that row first", "parent_invalid", "B")
    view(ledger, "waits for row 10 of tickets.csv, which is not sent yet", "parent_pending", "D")
    settle(ledger, "C", State.UNKNOWN)
    message = "waits for row 10 of tickets.csv, whose outcome is unknown: run reconcile first"
    view(ledger, message, "parent_unknown", "D")
    decisions.resolve(ledger, "C", Outcome(State.SKIPPED, code="resolved"))
    view(ledger, "its parent was dropped; set another parent, or none", "parent_dropped", "D")
    with LedgerView(ledger.path) as look:
        assert {(cause.code, cause.rows) for cause in causes(look) if cause.state is State.WAITING} == {
            ("parent_invalid", 1),
            ("parent_dropped", 1),
        }
        needing = [(line.result.key, line.result.code) for line in look.failures()]
        assert needing == [("A", "too_long"), ("D", "parent_dropped")], "B goes by itself once A is corrected"


def view(ledger: Ledger, message: str, code: str, key: str) -> None:
    with LedgerView(ledger.path) as look:
        [line] = [line for line in look.results() if line.key == key]
        assert (line.state, line.code, line.message) == (State.WAITING, code, message)


def test_links_that_were_not_made_are_told(ledger: Ledger, tmp_path: Path) -> None:
    policy = Links("P", missing="drop", cycle="drop", deep="root")
    stage(ledger, [child("A"), child("B", "A"), child("C", "B", row=9), child("D", "D"), child("E", "X")], links=policy)
    with LedgerView(ledger.path) as look:
        assert {astuple(count) for count in look.unlinked()} == {
            ("missing_parent", False, 1, 2),
            ("parent_cycle", False, 1, 2),
            ("parent_too_deep", True, 1, 9),
        }
