"""docs/mapping.md: every example is run, and every key, type and error code is there."""

import re
import tomllib
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from ledgers import do, mark_one, pending, settle_one, stage
from mapping_files import Load
from mapping_page import EXAMPLES, PACKAGE, PAGE, Example, expected_of, write_files

from importer.errors import MappingError
from importer.ledger import Ledger, Outcome, StagedRow
from importer.ledger.parents import CODES as LINK_CODES
from importer.ledger.records import errors_from_json
from importer.mapping import json_schema
from importer.mapping.converters import BOOLEAN_WORDS, TYPES
from importer.models import Row, State
from importer.pipeline.companions import open_companions


@pytest.fixture(autouse=True)
def files_next_to_the_mapping(tmp_path: Path) -> None:
    write_files(tmp_path)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.rows and e.is_linked], ids=lambda e: f"line{e.line}")
def test_an_example_of_linked_rows_does_what_the_page_says(load: Load, tmp_path: Path, example: Example) -> None:
    """All rows of the table are one file; the server calls the case of the row ``K`` "case of K"."""
    mapping = load(example.text)
    mapper = mapping.bind(example.columns)
    rows = [Row(number, cells) for number, (cells, _) in enumerate(example.rows, 1)]
    with Ledger(tmp_path / "ledger.db", verb="run") as ledger:
        stage(ledger, [StagedRow(row, mapper.apply(row)) for row in rows], links=mapping.links)
        while waiting := pending(ledger):
            for one in waiting:
                created = Outcome(State.CREATED, f"case of {one.key}")
                do(
                    ledger,
                    partial(mark_one, ledger, one.id),
                    partial(settle_one, ledger, one.id, State.SENDING, created),
                )
        query = "SELECT body, errors FROM content ORDER BY record"
        found = [
            [error.code for error in errors_from_json(errors)] if body is None else orjson.loads(body)
            for body, errors in ledger.connection.execute(query)
        ]
    assert found == [expected_of(sent) for _, sent in example.rows]


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.rows and not e.is_linked], ids=lambda e: f"line{e.line}")
def test_an_example_does_what_the_page_says(load: Load, example: Example) -> None:
    mapping = load(example.mapping)
    rows = [Row(number, cells) for number, cells in enumerate(example.cells, 1)]
    with (
        Ledger(Path("l.db"), verb="preview") as ledger,
        open_companions(ledger, mapping, Path()) as companions,
    ):
        mapper = mapping.bind(example.header, companions.tables)
        companions.load(lambda: None)
        results = list(map(mapper.apply, rows))
    for number, mapped, (_, sent) in zip(count(1), results, example.rows, strict=False):
        if mapped.body is None:
            found: Any = "filtered" if mapped.filtered_by else [error.code for error in mapped.errors]
        else:
            found = example.shown(orjson.loads(mapped.body))
            if mapped.case_updates:  # the page shows them behind the case
                found = [found, *(orjson.loads(update.body) for update in mapped.case_updates)]
        assert found == expected_of(sent), f"row {number}"


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.message], ids=lambda e: f"line{e.line}")
def test_a_refused_example_is_refused_as_the_page_says(load: Load, example: Example) -> None:
    with pytest.raises(MappingError) as caught:
        load(example.text).bind(example.header)
    assert str(caught.value) == example.refusal


def test_every_example_was_found() -> None:
    assert len(EXAMPLES) == PAGE.count("```yaml\n") > 25


def keys() -> set[str]:
    schema = json_schema()
    return {key for owner in (schema, *schema["$defs"].values()) for key in owner["properties"]}


@pytest.mark.parametrize("key", sorted(keys()))
def test_every_key_is_described_and_has_an_example(key: str) -> None:
    assert f"`{key}`" in PAGE
    assert any(re.search(rf"\b{key}:", example.text) for example in EXAMPLES)


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_described(name: str) -> None:
    assert re.search(rf"^###.*`type: {name}`", PAGE, re.M)


@pytest.mark.parametrize("language", BOOLEAN_WORDS)
def test_the_words_for_yes_and_no_are_listed(language: str) -> None:
    yes, no = BOOLEAN_WORDS[language]
    assert f"| {language} | {' '.join(yes)} | {' '.join(no)} |" in PAGE


def test_no_word_means_both_yes_and_no() -> None:
    yes = {word for words, _ in BOOLEAN_WORDS.values() for word in words}
    no = {word for _, words in BOOLEAN_WORDS.values() for word in words}
    assert not yes & no
    assert all(word == word.casefold() for word in yes | no)


def test_every_error_code_is_listed() -> None:
    texts = tomllib.loads((PACKAGE / "mapping" / "cell_errors.toml").read_text("utf-8"))
    codes = {text.get("code", name) for name, text in texts.items()} - {"not_accepted"} | {"field_count"} | LINK_CODES
    assert codes == {
        code
        for row in re.findall(r"^\| (`.*?) \|", PAGE.split("## Errors")[1], re.M)
        for code in re.findall(r"`(\w+)`", row)
    }
