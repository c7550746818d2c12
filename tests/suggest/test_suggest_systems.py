"""Known helpdesks are recognised by their columns; every signature finds itself and no other."""

import csv
from pathlib import Path

import pytest

from importer.mapping import load_mapping
from importer.reader import open_reader
from importer.suggest.headers import load_vocabulary, plain_name, recognise
from importer.suggest.suggesting import suggest

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"
SYSTEMS = load_vocabulary().systems


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("CaseNumber", "case number"),
        ("property_hs_ticket_priority", "property hs ticket priority"),
        ("Custom field (Customer e-mail)", "custom field customer e mail"),
        ("#", "#"),
        ("% Done", "done"),
        ("  Date d'ouverture ", "date d ouverture"),
    ],
)
def test_names_are_compared_without_case_and_punctuation(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_a_signature_finds_itself(system) -> None:
    assert recognise(system.telling) is system


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_the_ready_mapping_of_a_signature_exists(system) -> None:
    if system.mapping:
        assert load_mapping(system.mapping).external_id_field == "text1"


def test_common_columns_are_no_proof_of_anybody() -> None:
    assert recognise(["ID", "Subject", "Description", "Status", "Priority", "Type", "Group", "Tags"]) is None


@pytest.mark.parametrize(
    ("file", "system", "ready"),
    [
        ("zendesk-tickets.csv", "Zendesk", "zendesk"),
        ("jira-issues.csv", "Jira", "jira"),
        ("servicenow-incidents.xlsx", "ServiceNow", "servicenow"),
    ],
)
def test_the_samples_are_recognised_and_nearly_all_rows_pass(file: str, system: str, ready: str) -> None:
    """What does not pass are the rows that are wrong on purpose."""
    suggestion = suggest(open_reader(SAMPLES / file))
    assert (suggestion.system, suggestion.ready) == (system, ready)
    assert suggestion.trial.sent >= 0.98 * suggestion.trial.rows


@pytest.mark.parametrize("file", sorted((SAMPLES / "small").glob("[a-z]*.csv")), ids=lambda file: file.stem)
def test_small_samples_are_recognised(file: Path) -> None:
    suggestion = suggest(open_reader(file))
    assert suggestion.ready == file.stem
    assert suggestion.trial.sent >= 0.9 * suggestion.trial.rows


def test_a_ready_mapping_that_does_not_fit_is_not_recommended(tmp_path: Path) -> None:
    with (SAMPLES / "zendesk-tickets.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    gone = header.index("Subject")
    path = tmp_path / "tickets.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([*row[:gone], *row[gone + 1 :]] for row in [header, *rows[:100]] if len(row) == len(header))
    suggestion = suggest(open_reader(path))
    assert (suggestion.system, suggestion.ready) == ("Zendesk", "")
    assert "needs columns that this export does not have" in suggestion.text
