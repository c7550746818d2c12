"""Every ready mapping fits the sample of its system, and every row of it becomes a case."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from importer.intake.companions import open_companions
from importer.intake.export import open_export
from importer.intake.rows import preview_rows
from importer.ledger import Ledger
from importer.mapping import load_mapping
from importer.reader import open_reader

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "sample_data" / "small"
#: Files of notes, and the export that each is next to.
BESIDE = {"CaseComment": "salesforce"}
NAMES = sorted({path.stem for path in SMALL.glob("*.csv")} - set(BESIDE))
LARGE = {"jira", "servicenow", "zendesk"}
KEYS = {
    "freshdesk": "Ticket ID",
    "glpi": "ID",
    "glpi-fr": "ID",
    "hubspot": "Ticket ID",
    "intercom": "conversation_id",
    "jira-cloud": "Issue key",
    "jira-cloud-de": "Vorgangsschlüssel",
    "osticket": "Ticket Number",
    "redmine": "#",
    "salesforce": "CaseNumber",
    "zammad": "#",
}


def cases(name: str) -> dict[str, dict[str, Any]]:
    source = open_reader(SMALL / f"{name}.csv")
    mapping = load_mapping(name)
    with (
        TemporaryDirectory() as folder,
        Ledger(Path(folder, "l.db"), verb="preview") as ledger,
        open_companions(ledger, mapping, SMALL) as companions,
    ):
        results = [mapped for _, mapped in preview_rows(source, mapping, 1_000, companions=companions)]
    assert [error for mapped in results for error in mapped.errors] == []
    return {mapped.key: json.loads(mapped.body or b"") for mapped in results}


def test_every_ready_mapping_has_a_sample() -> None:
    assert {path.stem for path in (ROOT / "mappings").glob("*.yml")} == {*NAMES, *LARGE}


@pytest.mark.parametrize("name", NAMES)
def test_a_ready_mapping_for_another_system_is_warned_about_once(name: str) -> None:
    def warnings(mapping: str | Path) -> list[str]:
        remarks = open_export(SMALL / f"{name}.csv", mapping).remarks
        return [remark for remark in remarks if remark.startswith("warning: the file looks like")]

    (warning,) = warnings("zendesk")
    assert warning.endswith(f", but the mapping is for zendesk: use --mapping {name}")
    assert warnings(name) == warnings(ROOT / "mappings/zendesk.yml") == []


@pytest.mark.parametrize("name", NAMES)
def test_every_row_becomes_a_case_of_its_own(name: str) -> None:
    """Counted by the standard library, which knows nothing of our reader."""
    with (SMALL / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";" if name.startswith("glpi") else ","))
    assert 30 <= len(rows) <= 60
    assert list(cases(name)) == [row[KEYS[name]] for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_cases_carry_what_they_should(name: str) -> None:
    for key, case in cases(name).items():
        custom = case["custom_fields"]
        assert custom["text1"] == key
        assert re.fullmatch(r"2024-\d\d-\d\dT\d\d:\d\d:\d\dZ", custom["date1"])
        assert key in case["description"]
        assert case["requester_name"]
        assert case["notes"][-1]["public"] is False


def test_comments_of_a_second_file_are_notes_of_their_case_the_oldest_first() -> None:
    """Joined and sorted by the standard library alone."""
    with (SMALL / "CaseComment.csv").open(encoding="utf-8", newline="") as file:
        comments = sorted(csv.DictReader(file), key=lambda comment: comment["CreatedDate"])
    sent = [note for case in cases("salesforce").values() for note in case["notes"][:-1]]
    assert len(sent) == len(comments) > 50
    for case in cases("salesforce").values():
        wanted = [comment for comment in comments if comment["ParentId"] == case["custom_fields"]["text2"]]
        assert case["notes"][:-1] == [
            {
                "note_title": f"Comment of {comment['CreatedById']}, {comment['CreatedDate']}",
                "note_body": comment["CommentBody"],
                "public": comment["IsPublished"] == "true",
            }
            for comment in wanted
        ]


def test_comments_of_jira_cloud_are_taken_apart() -> None:
    with (SMALL / "jira-cloud.csv").open(encoding="utf-8", newline="") as file:
        header, *records = csv.reader(file)
    key = header.index("Issue key")
    sent = cases("jira-cloud")
    for record in records:
        cells = [cell for column, cell in zip(header, record, strict=True) if column == "Comment" and cell]
        wanted = [(f"Comment of {who}, {when}", text) for when, who, text in (cell.split(";", 2) for cell in cells)]
        notes = sent[record[key]]["notes"][:-1]
        assert [(note["note_title"], note["note_body"]) for note in notes] == wanted


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_to_be_assumed(name: str) -> None:
    assert load_mapping(name).notes == ()


@pytest.mark.parametrize("name", [*NAMES, *sorted(LARGE)])
def test_a_mapping_says_how_it_is_used(name: str) -> None:
    text = (ROOT / "mappings" / f"{name}.yml").read_text(encoding="utf-8")
    assert f"--mapping {name} " in text
    assert max(map(len, text.splitlines())) <= 120
    if name not in LARGE:
        assert re.search("^# .*Confirmed: ", text, re.MULTILINE)
        assert re.search("^# .*Not confirmed: ", text, re.MULTILINE)


def test_the_script_writes_the_same_bytes_again(tmp_path: Path) -> None:
    script = [sys.executable, "-B", str(SMALL.parent / "small.py"), "--out", str(tmp_path)]
    subprocess.run(script, check=True, capture_output=True, timeout=60)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in SMALL.iterdir()}


def test_addresses_and_phones_belong_to_nobody() -> None:
    text = "".join(path.read_text(encoding="utf-8-sig") for path in SMALL.iterdir())
    assert set(re.findall(r"@([\w-]+(?:\.[\w-]+)+)", text)) <= {"example.com", "example.org", "example.net"}
    assert all(re.fullmatch(r"\+1-555-01\d\d", phone) for phone in re.findall(r"\+\d[\d-]{6,}", text))
