"""The documented night: the same file name each night, whatever the night before left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from launching import Child
from ledgers import standings
from program import Ended, Program, SandboxProcess, sandbox_process, until
from tickets import MAPPING, WITHOUT_EXTERNAL_ID, Ticket, read_csv, tickets, write_tickets

import importer.verbs.ledger_run as sending

pytestmark = pytest.mark.slow

REFUSED, SAVED, UNSAVED = "refuse me", "save me and hang", "hang me up"
RUN = ("run", "t.csv", "-m", "m.yml", "--ledger", "ledger.db", "--out", "out")
NEW = "another title"
#: What the first night made of a row, and how.
FIRST = {
    "created": Ticket("", "a case"),
    "refused": Ticket("", REFUSED),
    "invalid": Ticket("", ""),
    "saved": Ticket("", SAVED),
    "unsaved": Ticket("", UNSAVED),
    "pending": Ticket("", "not yet"),
}
#: What the second night makes of it if its row is the same, changed, or invalid: state and code.
SECOND = {
    ("created", "same"): ("skipped", "already_created"),
    ("created", "changed"): ("skipped", "already_created_changed"),
    ("created", "bad"): ("invalid", "missing"),
    ("refused", "same"): ("refused", "sandbox.422"),
    ("refused", "changed"): ("created", "created"),
    ("refused", "bad"): ("invalid", "missing"),
    ("invalid", "same"): ("invalid", "missing"),
    ("invalid", "changed"): ("created", "created"),
    ("saved", "same"): ("skipped", "already_created"),
    ("saved", "changed"): ("skipped", "already_created_changed"),
    ("unsaved", "same"): ("created", "created"),
    ("unsaved", "changed"): ("created", "created"),
    ("pending", "same"): ("created", "created"),
    ("pending", "changed"): ("created", "created"),
    ("pending", "bad"): ("invalid", "missing"),
}


@pytest.fixture
def hangs() -> int:
    """How many requests of each kind hang; when they are sent again, they are answered."""
    return 3


@pytest.fixture
def server(tmp_path: Path, hangs: int) -> Iterator[SandboxProcess]:
    rules = [
        {"do": "status", "status": 422, "title": REFUSED},
        {"do": "hang", "save": True, "title": SAVED, "limit": hangs},
        {"do": "hang", "save": False, "title": UNSAVED, "limit": hangs},
    ]
    with sandbox_process(tmp_path, faults={"name": "a bad night", "rules": rules}) as server:
        yield server


@pytest.fixture
def night(local: Program, server: SandboxProcess) -> Program:
    """The command after a night that was killed when rows were in every state."""
    (local.folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    online = local.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.3")
    fates = [*SECOND, *((state, "gone") for state in FIRST)]
    fates.sort(key=lambda fate: list(FIRST).index(fate[0]))
    write_tickets(online.folder / "t.csv", [FIRST[state]._replace(id=f"{state} {fate}") for state, fate in fates])
    child = online.fork(*RUN, "--quiet", "--concurrency", 6)
    ledger = online.folder / "ledger.db"
    until(lambda: server.creates() >= 13, what="six requests that hang")
    until(lambda: standings(ledger).get("sending") == 6, what="six rows that are being sent")
    child.kill()
    return online


def second_file(program: Program) -> None:
    changed = {"same": None, "changed": NEW, "bad": ""}
    rows = [
        FIRST[state]._replace(id=f"{state} {fate}", **({} if changed[fate] is None else {"subject": changed[fate]}))
        for state, fate in SECOND
    ]
    write_tickets(program.folder / "t.csv", [*rows, Ticket("new", "a new one")])


@pytest.mark.parametrize("killed", [False, True], ids=["whole", "killed"])
def test_each_state_of_a_row_meets_each_row_of_the_next_night(
    night: Program, server: SandboxProcess, killed: bool
) -> None:
    second_file(night)
    if killed:
        before = server.creates()
        child = night.fork(*RUN, "--quiet", "--concurrency", 1)
        until(lambda: server.creates() >= before + 2, what="the second row of the second night")
        child.kill()
    ended = night(*RUN, "--json")
    assert ended.code == 3
    lines = {line["key"]: (line["state"], line["code"]) for line in read_csv(night.folder / "out/results.csv")}
    found = {key: (state, "created" if code == "found" else code) for key, (state, code) in lines.items()}
    expected = {f"{state} {fate}": outcome for (state, fate), outcome in SECOND.items()}
    assert found == expected | {"new": ("created", "created")}
    retry = "2 rows of earlier files are not in t.csv and not finished: run case-importer retry --ledger ledger.db"
    assert retry in ended.json["warnings"]
    titles = {case["custom_fields"]["text1"]: case["title"] for case in server.cases()}
    assert {key: titles[key] for key in titles if key.endswith(" changed")} == {
        "created changed": "a case",
        "refused changed": NEW,
        "invalid changed": NEW,
        "saved changed": SAVED,
        "unsaved changed": NEW,
        "pending changed": NEW,
    }
    night("retry", "--ledger", "ledger.db", "--quiet")
    keys = Counter(case["custom_fields"]["text1"] for case in server.cases())
    assert set(keys.values()) == {1}
    assert {"saved gone", "unsaved gone", "pending gone"} <= set(keys)
    assert "earlier files" not in night(*RUN, "--quiet").err


def test_what_cannot_be_settled_is_never_green_and_a_decision_is_enough(local: Program, server: SandboxProcess) -> None:
    """No row of the next night's file is sent while its key may be a case; nothing has to be imported twice."""
    (local.folder / "m.yml").write_text(WITHOUT_EXTERNAL_ID, encoding="utf-8")
    online = local.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.3")
    write_tickets(online.folder / "t.csv", [Ticket(key, UNSAVED) for key in "abc"])
    child = online.fork(*RUN, "--quiet", "--concurrency", 3)
    until(lambda: server.creates() == 3, what="three requests that hang")
    child.kill()
    write_tickets(online.folder / "t.csv", [*(Ticket(key, NEW) for key in "abc"), Ticket("d", "a new one")])
    ended = online(*RUN, "--quiet")
    said = "4: 4 rows = 1 created + 3 skipped: run case-importer reconcile --ledger ledger.db\n"
    assert (ended.code, ended.err) == (4, said)
    assert "Settle 3 rows with an unknown outcome" in online(*RUN).out
    page = (online.folder / "out/report.html").read_text("utf-8")
    assert "Not yet: 3 of 4 rows have an unclear outcome." in page

    for decision in (("a", "--created", "4711"), ("b", "--resend"), ("c", "--drop")):
        assert online("resolve", *decision, "--ledger", "ledger.db", "--reason", "looked").code == 0
    ended = online(*RUN, "--quiet")
    assert (ended.code, ended.err) == (0, "0: 1 row changed since it became a case, which is not updated\n")
    lines = {line["key"]: (line["state"], line["code"]) for line in read_csv(online.folder / "out/results.csv")}
    assert lines == {
        "a": ("skipped", "already_created_changed"),
        "b": ("created", "created"),
        "c": ("skipped", "resolved"),
        "d": ("created", "created"),
    }
    assert Counter(case["title"] for case in server.cases()) == {NEW: 1, "a new one": 1}


@pytest.mark.parametrize("hangs", [1], ids=["each once"])
def test_child_rows_of_the_next_night_find_the_cases_of_the_night_before(
    local: Program, server: SandboxProcess
) -> None:
    """Parents that were being sent when the night was cut off, that were not sent, and that are in one file only."""
    (local.folder / "m.yml").write_text(MAPPING + "  parent_id: {record: Parent}\n", encoding="utf-8")
    online = local.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.3")

    def write(*rows: tuple[str, str, str]) -> None:
        cells = [(key, parent, title, "Smoke", "ana@example.com") for key, parent, title in rows]
        write_tickets(online.folder / "t.csv", cells, header=("Id", "Parent", "Subject", "Body", "Mail"))

    parents = [("first", "", "a case"), ("saved", "", SAVED), ("unsaved", "", UNSAVED), ("later", "", "not yet")]
    write(*parents, *((f"{key}'s", key, "old") for key, _, _ in parents))
    child = online.fork(*RUN, "--quiet", "--concurrency", 2)
    until(lambda: server.creates() == 3, what="two requests that hang")
    until(lambda: standings(online.folder / "ledger.db").get("created") == 1, what="the first case")
    child.kill()
    write(("later", "", NEW), *parents[2:3], *((f"{key}'s", key, NEW) for key, _, _ in parents), ("new", "first", NEW))
    assert online(*RUN, "--json").code == 0
    known = {case["custom_fields"]["text1"]: case for case in server.cases()}
    assert len(server.cases()) == len(known) == 9
    links = {key: case.get("parent_id") for key, case in known.items() if case.get("parent_id")}
    of = {f"{key}'s": known[key]["id"] for key, _, _ in parents} | {"new": known["first"]["id"]}
    assert links == of
    assert known["later"]["title"] == known["saved's"]["title"] == NEW


@contextmanager
def in_a_moment() -> Iterator[None]:
    """A build that does not look for long."""
    sending.LOOK_UP_FOR = 0.3
    yield


def test_a_look_that_does_not_end_holds_nothing_up(local: Program) -> None:
    """What is unknown is looked up first, for a while; then the new rows are sent, and the code says what is left."""
    rules = [{"do": "hang", "save": False, "title": UNSAVED}, {"do": "hang", "on": ["list"]}]
    with sandbox_process(local.folder, faults={"name": "no list", "rules": rules}) as server:
        hasty = {"CASE_IMPORTER_SETTLE_DELAY": "0.1", "CASE_IMPORTER_GRACE": "0.1"}
        online = local.having(**server.login, CASE_IMPORTER_API_URL=server.url, **hasty)
        run = (*RUN, "--accept-existing")
        write_tickets(online.folder / "t.csv", [Ticket("a", UNSAVED)])
        child = online.fork(*run)
        until(lambda: server.creates() == 1, what="a request that hangs")
        child.kill()
        write_tickets(online.folder / "t.csv", [Ticket("a", NEW), Ticket("b")])
        ended = Child(online.folder, *run, change=in_a_moment, variables=online.variables).end()
        assert (ended.code, [case["custom_fields"]["text1"] for case in server.cases()]) == (4, ["b"])
        assert "looking up 1 row of earlier runs with an unknown outcome first" in ended.err


def test_a_corrected_file_that_is_corrected_again_is_sent_once(local: Program) -> None:
    """The same name, and another key for the same row: only the last correction counts."""
    write_tickets(local.folder / "t.csv", [Ticket("A", subject=""), Ticket("B", subject="")])
    assert local(*RUN, "--quiet").code == 3
    text = (local.folder / "out/failures.csv").read_text("utf-8-sig").replace("A,,", "A,Fixed,")
    again = ("run", "failures.csv", "-m", "m.yml", "--ledger", "ledger.db", "--out", "second", "--json")
    (local.folder / "failures.csv").write_text(text.replace("B,,", "C,Fixed,"), "utf-8")
    assert local(*again, "--limit", 1).counts == {"created": 1, "pending": 1}
    (local.folder / "failures.csv").write_text(text.replace("B,,", "D,Fixed,"), "utf-8")
    assert local(*again).counts == {"created": 1, "skipped": 1}
    assert local("retry", "--ledger", "ledger.db", "--json").counts == {"created": 2, "skipped": 4}


# -- what --quiet says although no row failed ---------------------------------------------------------------


def quiet(program: Program, rows: list[Ticket], *, cut: int = 0) -> Ended:
    path = write_tickets(program.folder / "t.csv", rows)
    if cut:
        path.write_bytes(path.read_bytes()[:-cut])
    return program(*RUN, "--quiet")


def test_a_quiet_night_says_what_did_not_arrive_as_it_is(local: Program) -> None:
    assert quiet(local, tickets(3)) == (0, "", "")
    changed = [row._replace(subject="Changed") for row in tickets(2)]
    said = "0: 2 rows changed since they became cases, which are not updated\n"
    assert quiet(local, [*changed, *tickets(3)[2:]]) == (0, "", said)
    twice = [Ticket("X"), Ticket("X"), *(Ticket("X", f"another {number}") for number in range(4))]
    said = "0: 4 rows have the key of an earlier row, with different content, and are not sent: row 6 (row 2 is sent)"
    assert quiet(local, twice).err == f"{said}, row 8 (row 2 is sent), row 10 (row 2 is sent), …\n"
    assert quiet(local, []) == (0, "", "0: t.csv has no rows\n")
    ended = quiet(local, [Ticket("Y", body="one"), Ticket("Z", body="one")], cut=len(",one,ana@example.com\r\n"))
    assert ended.code == 3
    said = "3: 2 rows = 1 created + 1 invalid: fix them in out/failures.csv"
    assert ended.err == f"{said}; t.csv is cut off: it ends inside row 3; export it again\n"
    assert "(0 created now): fix them in" in local(*RUN, "--quiet").err


def test_a_file_that_cannot_be_read_leaves_nothing_behind(local: Program) -> None:
    assert quiet(local, tickets(2)).code == 0
    half = local.folder / "half.csv"
    half.write_text('Id,Subject,Body,Mail\r\nQ,"never closed,b,m@example.com\r\n' + "x,y,z,m@example.com\r\n" * 5)
    assert local("run", "half.csv", "-m", "m.yml", "--ledger", "ledger.db", "--out", "out").code == 2
    for command in (("status", "--ledger", "ledger.db"), RUN):
        assert "not read to the end" not in local(*command).out
