"""Every sample goes through its own mapping and ends exactly as the generator knows that it must."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from importer import check
from importer.ledger.parents import CODES
from importer.mapping import load_mapping
from importer.models import Link, Mapped, Row, State
from importer.reader import open_reader

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = {
    "zendesk": ROOT / "sample_data" / "zendesk-tickets.csv",
    "jira": ROOT / "sample_data" / "jira-issues.csv",
    "servicenow": ROOT / "sample_data" / "servicenow-incidents.xlsx",
}


def mapped_rows(name: str) -> Iterator[tuple[Row, Mapped]]:
    source = open_reader(SAMPLES[name])
    mapper = load_mapping(ROOT / "sample_data" / f"{name}.yml").bind(source.columns)
    for chunk in source.chunks():
        yield from ((row, mapper.apply(row)) for row in chunk.rows())


def cases(name: str) -> dict[str, dict[str, Any]]:
    """The bodies of the rows that are right, by key; of duplicate keys the first."""
    bodies: dict[str, dict[str, Any]] = {}
    for _, mapped in mapped_rows(name):
        if mapped.body is not None:
            bodies.setdefault(mapped.key, json.loads(mapped.body))
    return bodies


def csv_cells(name: str, key: str) -> dict[str, list[tuple[str, str]]]:
    """Header and cell of every record by key, read by the standard library alone; of duplicate keys the first."""
    with SAMPLES[name].open(encoding="utf-8-sig", newline="") as file:
        header, *records = csv.reader(file)
    found: dict[str, list[tuple[str, str]]] = {}
    for record in records:
        if len(record) == len(header):
            found.setdefault(record[header.index(key)], list(zip(header, record, strict=True)))
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_every_row_ends_as_expected(name: str) -> None:
    seen: set[str] = set()
    ends = ["row,key,state,code"]
    for row, mapped in mapped_rows(name):
        state, code = ("invalid", mapped.errors[0].code) if mapped.errors else ("created", "")
        if state == "created" and mapped.key in seen:
            state, code = "skipped", "duplicate_key"
        seen |= {mapped.key} if state == "created" else set()
        ends.append(f"{row.number},{mapped.key},{state},{code}")
    expected = ROOT / "sample_data" / "expected" / f"{name}.results.csv"
    assert ends == expected.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_external_id_is_the_key(name: str) -> None:
    assert load_mapping(ROOT / "sample_data" / f"{name}.yml").external_id_field == "text1"
    for key, case in cases(name).items():
        assert case["custom_fields"]["text1"] == key


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_is_left_open(name: str) -> None:
    """A bundled mapping is an example: what the importer would have to assume is said in it."""
    assert load_mapping(name).notes == ()


def test_a_row_wrong_in_four_columns_names_all_four() -> None:
    longest = max((mapped.errors for _, mapped in mapped_rows("zendesk")), key=len)
    assert {error.column for error in longest} == {"Priority", "Created at", "VIP [flag]", "Requester email"}


def test_zendesk_texts_and_numbers_arrive_as_they_stand_in_the_file() -> None:
    """Line breaks, quotes, braces, NA, leading zeros and 17 digits, against what the standard library reads."""
    cells, sent = csv_cells("zendesk", "Id"), cases("zendesk")
    for key, case in sent.items():
        row = dict(cells[key])
        custom = case["custom_fields"]
        assert case["title"] == " ".join(row["Subject"].split("\n\t\t"))
        assert case["description"] == f"{row['Description']}\n\nImported from Zendesk ticket {key}."
        assert case["requester_name"] == row["Requester"]
        assert (custom["text2"], custom["text4"]) == (row["Requester id"], row["Customer number [txt]"])
    assert {"NA", "Jennifer Null"} <= {case["requester_name"] for case in sent.values()}
    assert "null" in {case["title"] for case in sent.values()}


def test_zendesk_dashes_are_blanks() -> None:
    texts = [note["note_body"] for case in cases("zendesk").values() for note in case["notes"]]
    assert "-" not in texts
    assert any("Assignee: \n" in text for text in texts)


def test_jira_comments_become_notes_in_their_order() -> None:
    cells = csv_cells("jira", "Issue key")
    for key, case in cases("jira").items():
        comments = [cell.split(";", 2) for column, cell in cells[key] if column == "Comment" and cell]
        wanted = [(f"Comment of {author}, {date}", text) for date, author, text in comments]
        sent = [(note["note_title"], note["note_body"]) for note in case["notes"]]
        assert [note for note in sent if note[0].startswith("Comment of")] == wanted


def test_jira_labels_and_the_issue_above_are_kept() -> None:
    cells = csv_cells("jira", "Issue key")
    for key, case in cases("jira").items():
        labels = [cell for column, cell in cells[key] if column == "Labels" and cell]
        custom = case["custom_fields"]
        assert custom.get("text4", "") == ", ".join(labels)
        assert custom.get("text3", "") == dict(cells[key])["Parent id"]


def test_jira_rows_name_the_issue_above_them() -> None:
    cells = csv_cells("jira", "Issue key")
    for _, mapped in mapped_rows("jira"):
        if mapped.key in cells and mapped.body is not None:
            row = dict(cells[mapped.key])
            assert mapped.link == Link(row["Issue id"], row["Parent id"] or None)


def test_every_jira_sub_task_finds_its_issue() -> None:
    found = check(SAMPLES["jira"], ROOT / "sample_data" / "jira.yml")
    children = {mapped.key for _, mapped in mapped_rows("jira") if mapped.body and mapped.link and mapped.link.parent}
    assert found.totals.counts[State.WAITING] == len(children) > 100
    assert not {cause.code for cause in found.causes} & (CODES | {"parent_invalid"})


def test_jira_parents_stand_before_and_after_their_children() -> None:
    rows = [dict(cells) for cells in csv_cells("jira", "Issue key").values()]
    place = {row["Issue id"]: at for at, row in enumerate(rows)}
    after = [place[row["Parent id"]] > at for at, row in enumerate(rows) if row["Issue Type"] == "Sub-task"]
    assert {True, False} == set(after)


def test_servicenow_cells_arrive_as_the_sheet_shows_them() -> None:
    """Dates, zeros, counts and truth values, against what another reader of workbooks finds."""
    sheet = openpyxl.load_workbook(SAMPLES["servicenow"], data_only=True)["Page 1"]
    header, *rows = sheet.iter_rows(values_only=True)
    cells = {row[0]: dict(zip(header, row, strict=True)) for row in reversed(rows)}
    for key, case in cases("servicenow").items():
        row, custom = cells[key], case["custom_fields"]
        opened = row["Opened"].replace(tzinfo=ZoneInfo("America/New_York"), microsecond=0)
        assert datetime.fromisoformat(custom["date1"]) == opened
        assert (custom["text2"], custom["text3"]) == (row["Employee number"], row["Cost center"])
        assert (custom["numeric1"], custom["checkbox1"]) == (row["Reassignment count"], row["VIP"])
