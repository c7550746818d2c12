"""Did everything arrive? Cases are changed behind the importer's back, and `verify` finds each change and no other."""

from __future__ import annotations

import html
import json
import re
import signal
import sqlite3
import unicodedata
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
from launching import Child
from program import PATIENCE, Ended, Program, SandboxProcess, closed_address, sandbox_process, until
from scenery import in_a_hurry
from tickets import MAPPING, read_csv, tickets, write_tickets

import importer
from importer.delivery.stopping import Stop
from importer.sandbox.storage import Storage

pytestmark = pytest.mark.slow
LEDGER = ("--ledger", "t-import/ledger.db")
VERIFY = ("verify", *LEDGER, "--json")
DAY_MS = 24 * 3600 * 1000


def call(server: SandboxProcess, method: str, path: str, body: Any = None) -> Any:
    """A call of the API by somebody else; the server was started with ``--static-token abc``."""
    headers = {"Authorization": "Bearer abc", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/cm/core/va/cases{path}", content, headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


@contextmanager
def account(folder: Path, *arguments: object, **options: Any) -> Iterator[SandboxProcess]:
    """An account that lets ``call`` in; it keeps its cases in ``cases.db``."""
    known = ("--static-token", "abc", "--store", folder / "cases.db")
    with sandbox_process(folder, *known, *arguments, **options) as server:
        yield server


def program_for(server: SandboxProcess, folder: Path) -> Program:
    return Program(folder, **server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.2")


def imported(server: SandboxProcess, folder: Path, count: int, *more: object) -> Program:
    """The program next to a ledger with so many cases."""
    write_tickets(folder / "t.csv", tickets(count))
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    program = program_for(server, folder)
    ended = program("run", "t.csv", "-m", "m.yml", "--json", *more)
    assert (ended.code, ended.counts) == (0, {"created": count})
    return program


def lines(folder: Path) -> list[dict[str, str]]:
    return read_csv(folder / "t-import" / "verified.csv")


def ledger_rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{folder}/t-import/ledger.db?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def verified(folder: Path) -> int:
    """Cases that have a verdict; also while the program runs."""
    try:
        query = "SELECT count(*) FROM verification WHERE position = 0 AND verdict IS NOT NULL"
        return int(ledger_rows(folder, query)[0][0])
    except sqlite3.Error:
        return 0


# -- planted differences --------------------------------------------------------------------------------

TITLE, BODY = "The <printer> & the café", "Smoke was seen\nbehind it, in the second room.\nNobody was hurt."
NOTES = ("It burns in the second room.", "Called <her> back\nat noon.", "All is well again, she says.")
OWNER = "61036b508ff57b5578f25a10"
HEADER = ("Id", "Subject", "Body", "Mail", "Parent", "Note", "Note", "Note")
RICH_MAPPING = f"""\
version: 1
source: {{key: Id}}
external_id_field: text1
notes_per_call: 2
case:
  title: Subject
  description: Body
  requester_email: Mail
  requester_name: {{value: Ana}}
  owner_id: {{value: {OWNER}}}
  priority: {{value: LOW}}
  parent_id: Parent
  custom_fields:
    text2: {{value: "007"}}
    multi_line_text1: Body
    numeric1: {{value: "7", type: integer}}
    decimal1: {{value: "1.5", type: decimal}}
    checkbox1: {{value: "true", type: boolean}}
    date1: {{value: "2024-03-01 09:00", type: datetime, format: "%Y-%m-%d %H:%M", timezone: UTC}}
    drop_down1: {{value: "001"}}
    multi_select1: {{value: "001,002", type: list, separator: ","}}
  notes:
    - {{each: Note, title: {{value: Log}}}}
"""


def custom(key: str, value: Any) -> dict[str, Any]:
    return {"custom_fields": {key: {"value": value}}}


def note(body: str) -> dict[str, Any]:
    return {"note_title": "Agent", "note_body": body, "public": False}


#: By somebody's update of the case; and what `verify` is to say about it.
BY_UPDATE: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"title": "Another title"}, [("differs", "title")]),
    ({"title": TITLE[:9]}, [("cut", "title")]),
    ({"title": html.escape(TITLE)}, [("escaped", "title")]),
    ({"title": f"  {TITLE} "}, [("same_but", "title")]),
    ({"title": TITLE.upper()}, [("same_but", "title")]),
    ({"title": unicodedata.normalize("NFD", TITLE)}, [("same_but", "title")]),
    ({"title": ""}, [("differs", "title")]),
    ({"description": "Another text"}, [("differs", "description")]),
    ({"description": BODY[:40]}, [("cut", "description")]),
    ({"description": BODY.replace("\n", "\r\n")}, [("same_but", "description")]),
    ({"description": BODY.replace("\n", " ")}, [("differs", "description")]),
    ({"priority": "HIGH"}, [("differs", "priority")]),
    ({"owner_id": ""}, [("differs", "owner_id")]),
    ({"owner_id": "another"}, [("differs", "owner_id")]),
    (custom("text1", "T-unknown"), [("differs", "custom_fields.text1")]),
    (custom("text1", None), [("differs", "custom_fields.text1")]),
    (custom("text2", "7"), [("differs", "custom_fields.text2")]),
    (custom("text2", None), [("differs", "custom_fields.text2")]),
    (custom("multi_line_text1", BODY[:30]), [("cut", "custom_fields.multi_line_text1")]),
    (custom("multi_line_text1", BODY.replace("\n", "\r\n")), [("same_but", "custom_fields.multi_line_text1")]),
    (custom("numeric1", 70), [("differs", "custom_fields.numeric1")]),
    (custom("decimal1", 1.55), [("differs", "custom_fields.decimal1")]),
    (custom("checkbox1", False), [("differs", "custom_fields.checkbox1")]),
    (custom("date1", "2024-03-01T10:00:00Z"), [("differs", "custom_fields.date1")]),
    (custom("date1", "2024-03-01T10:00:00.000+01:00"), [("same_but", "custom_fields.date1")]),
    (custom("drop_down1", "002"), [("differs", "custom_fields.drop_down1")]),
    (custom("multi_select1", ["002", "001"]), [("same_but", "custom_fields.multi_select1")]),
    (custom("multi_select1", ["001"]), [("differs", "custom_fields.multi_select1")]),
    ({"notes": [note("Called back")]}, [("more_notes", "notes")]),
    ({"notes": [note("One"), note("Two")]}, [("more_notes", "notes")] * 2),
    ({"title": "Both", "priority": "URGENT"}, [("differs", "title"), ("differs", "priority")]),
    # what was never sent is nobody's difference
    ({"status": "RESOLVED", "resolution": "Solved"}, []),
    ({"type": "TASK", "group_id": "others"}, []),
    (custom("text9", "by an automation"), []),
    ({"priority": "LOW"}, []),
]


#: Changes what the account has of a case; the key ``later`` makes it happen the next day.
Change = Callable[[dict[str, Any]], None]


def changed_note(number: int, **changes: Any) -> Change:
    return lambda case: case["notes"][number].update(changes)


def without_note(number: int) -> Change:
    return lambda case: case.update(notes=[each for at, each in enumerate(case["notes"]) if at != number])


def changed(**changes: Any) -> Change:
    return lambda case: case.update(changes)


def unassigned(case: dict[str, Any]) -> None:
    del case["owner_id"]
    case["later"] = True


def with_a_note(case: dict[str, Any]) -> None:
    case.update(notes=[*case["notes"], {"id": "1"} | note("Called back")], later=True)


#: In the database of the account: what no call can do, or not at this time.
BY_HAND: list[tuple[Change, list[tuple[str, str]]]] = [
    (without_note(0), [("fewer_notes", "notes")]),
    (without_note(2), [("fewer_notes", "notes")]),
    (changed_note(2, note_body="All is well again, he says."), [("differs", "notes")]),
    (changed_note(1, public=True), [("differs", "notes")]),
    (changed_note(0, note_title="Diary"), [("differs", "notes")]),
    (changed_note(0, note_body=NOTES[0][:8]), [("cut", "notes")]),
    (changed_note(1, note_body=html.escape(NOTES[1])), [("escaped", "notes")]),
    (changed_note(1, note_body=NOTES[1].replace("\n", "\r\n")), [("same_but", "notes")]),
    (lambda case: case["notes"].reverse(), []),
    (changed(requester_email="eve@example.com"), [("differs", "requester_email")]),
    (changed(requester_email="ana@example.com"), [("same_but", "requester_email")]),
    (changed(requester_name="Eve"), [("differs", "requester_name")]),
    (changed(title="Another title", later=True), [("moved_on", "title")]),
    (unassigned, [("moved_on", "owner_id")]),
    (changed(later=True), []),
    (with_a_note, [("moved_on", "notes")]),
    (lambda case: case.update(notes=case["notes"][1:], later=True), [("fewer_notes", "notes")]),
]


def change_store(store: Path, changes: dict[str, Change]) -> None:
    """Change cases, by external id, where the account keeps them; nobody has it open."""
    with closing(Storage(store)) as storage:
        for case in [case for chunk in storage.chunks() for case in chunk]:
            key = case.content["custom_fields"].get("text1", {}).get("value")
            if key in changes:
                changes[key](case.content)
                later = DAY_MS if case.content.pop("later", False) else 0
                storage.write(replace(case, updated_ms=case.updated_ms + later))


class Planted(NamedTuple):
    """An import of 240 tickets, changed behind its back, and what `verify` said."""

    folder: Path
    program: Program
    server: SandboxProcess
    expected: Counter[tuple[str, str, str]]
    ended: Ended
    requests: dict[str, int]
    before: list[Any]


KEYS = [f"T{number:03}" for number in range(240)]
TRASHED, PURGED, WITH_PARENT = "T200", "T201", "T202"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("planted")
    (folder / "m.yml").write_text(RICH_MAPPING, encoding="utf-8")
    rows = [(key, TITLE, BODY, "Ana@example.com", "4711" * (key == WITH_PARENT), *NOTES) for key in KEYS]
    write_tickets(folder / "t.csv", rows, header=HEADER)
    expected: Counter[tuple[str, str, str]] = Counter()
    with account(folder, "--any-ids") as server:
        ended = program_for(server, folder)("run", "t.csv", "-m", "m.yml", "--json")
        assert (ended.code, ended.counts, ended.json["case_updates"]["done"]) == (0, {"created": 240}, 240)
        case_ids = {line["key"]: line["case_id"] for line in read_csv(folder / "t-import" / "results.csv")}
        for key, (body, findings) in zip(KEYS, BY_UPDATE, strict=False):
            call(server, "PATCH", f"/{case_ids[key]}", body)
            expected.update((key, verdict, field) for verdict, field in findings)
        call(server, "DELETE", f"?ids={case_ids[TRASHED]},{case_ids[PURGED]}")
        call(server, "DELETE", f"/deleted-cases?ids={case_ids[PURGED]}")
        expected.update({(TRASHED, "gone", ""): 1, (PURGED, "gone", ""): 1})
        port = server.url.rpartition(":")[2]
    by_hand = dict(zip(KEYS[100:], BY_HAND, strict=False))
    change_store(folder / "cases.db", {key: change for key, (change, _) in by_hand.items()})
    expected.update((key, verdict, field) for key, (_, found) in by_hand.items() for verdict, field in found)
    before = ledger_rows(folder, "SELECT * FROM record") + ledger_rows(folder, "SELECT * FROM event")
    with account(folder, "--any-ids", "--port", port) as server:
        program = program_for(server, folder)
        ended = program(*VERIFY)
        yield Planted(folder, program, server, expected, ended, server.state()["requests"], before)


def test_each_planted_difference_is_found_and_nothing_else(planted: Planted) -> None:
    assert planted.expected.total() >= 40
    found = Counter((line["key"], line["verdict"], line["field"]) for line in lines(planted.folder))
    assert Counter({f: n for f, n in found.items() if f[1] not in ("same", "not_shown")}) == planted.expected
    different = {key for key, _, _ in planted.expected}
    assert {key for key, verdict, _ in found if verdict == "same"} == set(KEYS) - different
    assert [finding for finding in found if finding[1] == "not_shown"] == [(WITH_PARENT, "not_shown", "parent_id")]
    assert planted.ended.code == 3


def test_the_result_counts_each_case_once_by_its_worst_verdict(planted: Planted) -> None:
    found = planted.ended.json["verification"]
    assert found["verified"] == sum(found["verdicts"].values()) == 240
    order = list(importer.models.CaseVerdict)  # type: ignore[attr-defined]
    worst: dict[str, str] = {}
    for key, verdict, _ in planted.expected:
        worst[key] = min(worst.get(key, "same"), verdict, key=lambda name: order.index(name))  # type: ignore[arg-type]
    expected = Counter(worst.values())
    expected["same"] = 240 - len(worst)
    assert found["verdicts"] == expected
    assert (found["left"], found["not_shown"], found["doubles"]) == (0, {"parent_id": 1}, 0)
    summary = json.loads((planted.folder / "t-import" / "summary.json").read_text(encoding="utf-8"))
    assert summary == planted.ended.json


def test_it_costs_a_request_per_hundred_cases(planted: Planted) -> None:
    """And one for each that the list does not show, or may have shortened. Nothing was written."""
    alone = {key for key, verdict, _ in planted.expected if verdict in ("gone", "cut", "fewer_notes")}
    assert planted.requests.keys() == {"token", "list", "get"}
    assert (planted.requests["list"], planted.requests["get"]) == (3, len(alone))


def test_no_record_moves(planted: Planted) -> None:
    after = ledger_rows(planted.folder, "SELECT * FROM record") + ledger_rows(planted.folder, "SELECT * FROM event")
    assert after == planted.before


def test_a_line_says_what_was_sent_and_what_was_found(planted: Planted) -> None:
    by_key = {line["key"]: line for line in lines(planted.folder)}
    line = by_key["T000"]
    assert (line["row"], line["sent"], line["found"]) == ("2", TITLE, "Another title")
    assert line["case_id"].isdigit()
    assert line["update_at"].startswith("20")
    assert by_key[TRASHED]["update_at"] == ""


def test_the_page_shows_the_first_of_each_kind_and_what_to_do(planted: Planted) -> None:
    ended = planted.program.having(COLUMNS="80")("verify", *LEDGER)
    assert ended.code == 3
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "240 cases read back\n" in ended.out
    assert re.search(r"  differs +T000 · case \d+ · title\n", ended.out)
    assert re.search(r"  gone +T200 · case \d+\n", ended.out)
    assert "sent:  'The <printer> & the café'" in ended.out
    assert "found: 'Another title'" in ended.out
    assert "parent_id (1)" in ended.out
    assert "case-importer verify --ledger t-import/ledger.db" in " ".join(ended.out.split())
    assert ended.out.rstrip().endswith("Exit code 3: finished, but some cases are not as sent, incomplete, or gone")
    quiet = planted.program("verify", *LEDGER, "--quiet")
    assert (quiet.code, quiet.out) == (3, "")
    assert quiet.err.startswith("3: ")
    assert "of 240 cases" in quiet.err


def test_deep_reads_each_case_on_its_own_too_and_finds_the_same(planted: Planted) -> None:
    gets = planted.server.state()["requests"]["get"]
    ended = planted.program(*VERIFY, "--deep")
    assert planted.server.state()["requests"]["get"] - gets == 240
    assert ended.code == 3
    found = Counter((line["key"], line["verdict"], line["field"]) for line in lines(planted.folder))
    assert Counter({f: n for f, n in found.items() if f[1] not in ("same", "not_shown")}) == planted.expected


def test_a_sample_is_the_same_each_time(planted: Planted) -> None:
    drawn = []
    for sample in ("12", "12", "5%"):
        ended = planted.program(*VERIFY, "--sample", sample)
        assert ended.json["verification"]["sample"] == sample
        drawn.append(sorted({line["key"] for line in lines(planted.folder)}))
    assert drawn[0] == drawn[1] == drawn[2]
    assert len(drawn[0]) == 12
    assert drawn[0] != KEYS[:12]


def test_the_forms_are_what_their_schemas_say(planted: Planted) -> None:
    for form, command in (("verify", VERIFY), ("status", ("status", *LEDGER, "--json"))):
        schema = planted.program("schema", form).json
        jsonschema.Draft202012Validator({**schema, "additionalProperties": False}).validate(
            planted.program(*command).json
        )


# -- stops ----------------------------------------------------------------------------------------------


def test_it_continues_where_it_was_killed_and_takes_in_what_was_imported_since(tmp_path: Path) -> None:
    with account(tmp_path) as server:
        program = imported(server, tmp_path, 600)
        lists = server.state()["requests"].get("list", 0)
        child = program.fork(*VERIFY, "--rate", 2)
        until(lambda: verified(tmp_path) >= 200, what="cases that are verified")
        child.kill()
        done = verified(tmp_path)
        assert 200 <= done < 600
        lists += server.state()["requests"]["list"] - lists
        more(program, 650)
        searched = server.state()["requests"]["list"] - lists
        ended = program(*VERIFY)
        asked = server.state()["requests"]["list"] - lists - searched
        more(program, 651)
        newer = program("status", *LEDGER, "--json").json["verification"]["newer"]
    assert (ended.code, ended.json["continued"], ended.json["verification"]["verdicts"]) == (0, True, {"same": 650})
    assert len(lines(tmp_path)) == 650
    assert asked <= (650 - done) // 100 + 2, "one answer was lost at most"
    assert newer == 1, "which is not called compared"


def more(program: Program, count: int) -> None:
    """Import further rows, so that there are so many."""
    write_tickets(program.folder / "t.csv", tickets(count))
    assert program("run", "t.csv", "-m", "m.yml", "--json").code == 0


def test_a_stop_ends_it_and_another_plan_needs_a_new_start(tmp_path: Path) -> None:
    with account(tmp_path) as server:
        program = imported(server, tmp_path, 300)
        child = program.fork(*VERIFY, "--rate", 1, "--sample", "90%")
        until(lambda: verified(tmp_path) >= 100, what="cases that are verified")
        child.send(signal.SIGTERM)
        ended = child.end()
        found = ended.json
        assert (ended.code, found["exit_code"], found["verification"]["ended_at"]) == (143, 143, None)
        refused = program(*VERIFY)
        assert refused.code == 2
        assert "the verification that is not finished has other options: --sample 90%" in refused.err
        assert "--again" in refused.err
        again = program(*VERIFY, "--again")
        assert (again.code, again.json["continued"], again.json["verification"]["verified"]) == (0, False, 300)
        assert program(*VERIFY).json["continued"] is False, "a finished one starts anew"


def test_a_service_that_is_down_ends_it_until_later(tmp_path: Path) -> None:
    with account(tmp_path) as server:
        program = imported(server, tmp_path, 5)
        port = server.url.rpartition(":")[2]
    ended = program("verify", *LEDGER)
    assert ended.code == 5
    assert "5 cases not read yet" in ended.out
    assert "Run the same command again to continue" in ended.out
    assert "cannot get an access token" in ended.err
    with account(tmp_path, "--port", port):
        assert program(*VERIFY).json["verification"]["verdicts"] == {"same": 5}


def test_an_outage_ends_it_with_what_was_read(tmp_path: Path) -> None:
    plan = {"name": "down", "rules": [{"do": "status", "status": 503, "on": ["list"], "skip": 1}]}
    with account(tmp_path, faults=plan) as server:
        program = imported(server, tmp_path, 150, "--accept-existing")
        hurried = partial(in_a_hurry, 1.0)
        ended = Child(tmp_path, *VERIFY, "--rate", 20, change=hurried, variables=program.variables).end()
    found = ended.json["verification"]
    assert (ended.code, found["verified"], found["left"], found["ended_at"]) == (5, 100, 50, None)
    assert "no response" in ended.json["error"]["what"]


def test_an_answer_that_is_no_good_is_asked_for_again(tmp_path: Path) -> None:
    rules = [
        {"do": "status", "status": 503},
        {"do": "status", "status": 429, "retry_after": 0.1},
        {"do": "expire_tokens"},
        {"do": "cut", "at": -20},
        {"do": "ignore_filter"},
    ]
    plan = {"name": "bad", "rules": [rule | {"on": ["list"], "limit": 1} for rule in rules]}
    with account(tmp_path, faults=plan) as server:
        program = imported(server, tmp_path, 120, "--accept-existing")
        hurried = partial(in_a_hurry, PATIENCE)
        ended = Child(tmp_path, *VERIFY, change=hurried, variables=program.variables).end()
        assert sum(server.state()["faults"].values()) == 5
    assert (ended.code, ended.json["verification"]["verdicts"]) == (0, {"same": 120})


@pytest.mark.parametrize(("arguments", "gets"), [(["spec"], 0), (["ignore"], 110), (["doc", "--index-lag", 999], 110)])
def test_a_list_need_not_show_what_is_asked_for(tmp_path: Path, arguments: list[object], gets: int) -> None:
    """One that shows other cases, or none, proves nothing: the cases are read on their own."""
    with account(tmp_path, "--filters", *arguments) as server:
        program = imported(server, tmp_path, 110, "--accept-existing")
        ended = program(*VERIFY)
        assert server.state()["requests"].get("get", 0) == gets
    assert (ended.code, ended.json["verification"]["verdicts"]) == (0, {"same": 110})
    assert ("does not filter by case id" in ended.err) == (arguments == ["ignore"])


def test_a_list_that_refuses_the_filter_is_done_without(tmp_path: Path) -> None:
    plan = {"name": "no filter", "rules": [{"do": "status", "status": 400, "on": ["list"]}]}
    with account(tmp_path, faults=plan) as server:
        program = imported(server, tmp_path, 5, "--accept-existing")
        ended = program(*VERIFY)
        assert server.state()["requests"]["get"] == 5
    assert (ended.code, ended.json["verification"]["verdicts"]) == (0, {"same": 5})


# -- second cases ---------------------------------------------------------------------------------------


def test_second_cases_are_found(tmp_path: Path) -> None:
    with account(tmp_path) as server:
        program = imported(server, tmp_path, 30)
        others = [tickets(40)[number] for number in (3, 7, 35)]
        write_tickets(tmp_path / "t.csv", others)
        second = program("run", "t.csv", "-m", "m.yml", "--json", "--out", "second", "--accept-existing")
        assert second.counts == {"created": 3}
        seconds = {line["key"]: line["case_id"] for line in read_csv(tmp_path / "second" / "results.csv")}
        assert program(*VERIFY).code == 0, "who does not look finds none"
        ended = program(*VERIFY, "--doubles")
        page = program("verify", *LEDGER, "--doubles")
        other = program("verify", "--ledger", "second/ledger.db", "--doubles", "--json")
        call(server, "DELETE", f"?ids={','.join(seconds.values())}")
        assert program(*VERIFY, "--doubles").code == 0
    expected = {others[0].id, others[1].id}
    assert (ended.code, ended.json["verification"]["doubles"], ended.json["verification"]["verdicts"]) == (
        *(6, 2),
        {"same": 30},
    )
    assert (page.code, "Delete the second cases" in page.out) == (6, True)
    key = others[0].id
    (ours,) = {line["case_id"] for line in lines(tmp_path) if line["key"] == key}
    assert f"  double      {key} · cases {ours} and {seconds[key]} · text1\n" in page.out
    assert (other.code, other.json["verification"]["doubles"]) == (6, 2)
    assert expected == {"T000004", "T000008"}


def test_a_line_of_a_second_case_has_its_id(tmp_path: Path) -> None:
    with account(tmp_path) as server:
        program = imported(server, tmp_path, 5)
        case = {"title": "By hand", "description": "Again", "custom_fields": {"text1": "T000002"}}
        by_hand = call(server, "POST", "", case)["id"]
        assert program(*VERIFY, "--doubles", "--sample", 1).code == 6
    (line,) = [line for line in lines(tmp_path) if line["verdict"] == "double"]
    assert (line["key"], line["field"], line["found"]) == ("T000002", "text1", by_hand)
    assert line["case_id"] != by_hand


# -- what cannot be verified ----------------------------------------------------------------------------


def test_what_was_forgotten_cannot_be_compared(tmp_path: Path) -> None:
    with account(tmp_path) as server:
        program = imported(server, tmp_path, 5)
        call(server, "PATCH", "/1", {"title": "Secret of a customer"})
        assert program(*VERIFY).code == 3
        assert program("forget", *LEDGER, "--yes").code == 0
        texts = ledger_rows(tmp_path, "SELECT sent, found FROM verification WHERE verdict = 'differs'")
        assert texts == [(None, None)]
        assert b"Secret of a customer" not in (tmp_path / "t-import" / "ledger.db").read_bytes()
        refused = program(*VERIFY)
        assert (refused.code, "the contents of its cases were deleted with forget" in refused.err) == (2, True)
        write_tickets(tmp_path / "t.csv", tickets(8))
        assert program("run", "t.csv", "-m", "m.yml", "--quiet").code == 0
        found = program(*VERIFY).json["verification"]
    assert (found["verified"], found["forgotten"]) == (3, 5)


@pytest.mark.parametrize("sample", ["0", "-1", "many", "0%", "101%", "2.5", "%"])
def test_a_sample_that_is_none_is_refused(program: Program, sample: str) -> None:
    (program.folder / "t.csv").write_text("", encoding="utf-8")
    write_tickets(program.folder / "t.csv", tickets(2))
    (program.folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    assert program.in_sandbox()("run", "t.csv", "-m", "m.yml", "--quiet").code == 0
    ended = program.in_sandbox()("verify", *LEDGER, f"--sample={sample}")
    assert (ended.code, "is not a number of cases or a percentage" in ended.err) == (2, True)


def test_what_has_no_cases_or_is_elsewhere_is_refused(tmp_path: Path) -> None:
    program = Program(tmp_path).in_sandbox()
    missing = program("verify", *LEDGER)
    assert (missing.code, "ledger not found" in missing.err) == (8, True)
    write_tickets(tmp_path / "t.csv", [ticket._replace(subject="") for ticket in tickets(2)])
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    assert program("run", "t.csv", "-m", "m.yml", "--quiet").code == 3
    empty = program("verify", *LEDGER)
    assert (empty.code, "there is nothing to verify: no row is a case yet" in empty.err) == (2, True)
    write_tickets(tmp_path / "t.csv", tickets(2))
    assert program("run", "t.csv", "-m", "m.yml", "--quiet", "--out", "full").code == 0
    with closed_address() as url:
        login = {"CASE_IMPORTER_CLIENT_ID": "c", "CASE_IMPORTER_CLIENT_SECRET": "s"}
        elsewhere = Program(tmp_path, CASE_IMPORTER_API_URL=url, **login)("verify", "--ledger", "full/ledger.db")
    assert (elsewhere.code, "this ledger belongs to a trial in the sandbox" in elsewhere.err) == (7, True)


def test_a_client_that_may_not_read_cases_is_told_so(tmp_path: Path) -> None:
    plan = {"name": "no right", "rules": [{"do": "status", "status": 403, "on": ["list"]}]}
    with account(tmp_path, faults=plan) as server:
        program = imported(server, tmp_path, 3, "--accept-existing")
        ended = program("verify", *LEDGER)
    assert (ended.code, "cases-public:read" in ended.err) == (7, True)


async def test_the_library_verifies_too_and_can_be_stopped(tmp_path: Path) -> None:
    write_tickets(tmp_path / "t.csv", tickets(3))
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    settings = importer.Settings(sandbox=True)
    ledger = tmp_path / "out" / "ledger.db"
    await importer.run_import_async(tmp_path / "t.csv", tmp_path / "m.yml", out=tmp_path / "out", settings=settings)
    stop = Stop()
    stop.request()
    stopped = await importer.verify_async(ledger, settings=settings, stop=stop)
    assert (stopped.exit_code, stopped.verification.left) == (5, 3)
    result = await importer.verify_async(ledger, settings=settings)
    assert (result.exit_code, result.continued, result.verification.verdicts) == (0, True, {"same": 3})
    assert importer.status(ledger).verification == result.verification
