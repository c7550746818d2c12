"""docs/mapping.md: every example is run, and every key, type and error code is there."""

import json
import re
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
import xlsxwriter
from ledgers import do, mark_one, pending, settle_one, stage
from mapping_files import Load

import importer
from importer.companions import Beside, open_companions
from importer.errors import MappingError
from importer.ledger import Ledger, Outcome, StagedRow
from importer.ledger.json_columns import errors_from_json
from importer.ledger.parents import CODES as LINK_CODES
from importer.mapping import json_schema
from importer.mapping.types import BOOLEAN_WORDS, TYPES
from importer.models import Row, State

PACKAGE = Path(importer.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "mapping.md").read_text("utf-8")
FILLER = {"title": "Filler", "description": "Filler"}


class Example(NamedTuple):
    line: int
    text: str
    columns: tuple[str, ...]
    rows: list[tuple[tuple[str, ...], str]]
    message: str


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def cell_text(cell: str) -> str:
    written = cell[1:-1] if cell.startswith("`") and cell.endswith("`") else cell.replace("`", "")
    return written.replace(r"\r", "\r").replace(r"\n", "\n").replace(r"\t", "\t")


def examples() -> list[Example]:
    pattern = r"```yaml\n(?P<yaml>.*?)```\n\n(?:(?P<table>(?:\|[^\n]*\n)+)|```text\n(?P<text>.*?)```\n)"
    found = []
    for match in re.finditer(pattern, PAGE, re.DOTALL):
        line = PAGE[: match.start()].count("\n") + 1
        header, _, *lines = (match["table"] or "||\n||\n").strip().split("\n")
        rows = [(tuple(map(cell_text, row[:-1])), row[-1]) for row in map(cells_of, lines)]
        found.append(Example(line, match["yaml"], tuple(cells_of(header)[:-1]), rows, match["text"] or ""))
    return found


EXAMPLES = examples()
#: Files that the examples name: code blocks with the name of a file.
FILES = dict(re.findall(r"```\w+ ([\w.-]+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture(autouse=True)
def files_beside_the_mapping(tmp_path: Path) -> None:
    for name, text in FILES.items():
        if name.endswith(".xlsx"):
            write_workbook(tmp_path / name, sheet="Agents", rows=[line.split(",") for line in text.splitlines()])
        else:
            (tmp_path / name).write_text(text, "utf-8")


def write_workbook(path: Path, *, sheet: str, rows: list[list[str]]) -> None:
    """A workbook with another sheet before the one that is meant."""
    with xlsxwriter.Workbook(path) as workbook:
        workbook.add_worksheet("Other").write_row(0, 0, ["Login"])
        worksheet = workbook.add_worksheet(sheet)
        for number, row in enumerate(rows):
            worksheet.write_row(number, 0, row)


def whole(text: str) -> str:
    """The example as a mapping: a fragment is what stands under `case:`."""
    if text.startswith("version:"):
        return text
    fillers = [
        f"  {key}: {{value: {value}}}\n"
        for key, value in FILLER.items()
        if f"{key}:" not in re.findall(r"^\w+:", text, re.M)
    ]
    indented = "".join(f"  {line}\n" for line in text.splitlines())
    return f"version: 1\nsource: {{key: Row of the table}}\ncase:\n{''.join(fillers)}{indented}"


def expected_of(sent: str) -> Any:
    if sent == "left out":
        return sent
    return re.findall(r"`(\w+)`", sent) if sent.startswith("error") else json.loads(sent.strip("`"))


def is_linked(example: Example) -> bool:
    return "record:" in example.text


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.rows and is_linked(e)], ids=lambda e: f"line{e.line}")
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


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.rows and not is_linked(e)], ids=lambda e: f"line{e.line}")
def test_an_example_does_what_the_page_says(load: Load, example: Example) -> None:
    fragment = not example.text.startswith("version:")
    columns = (*example.columns, "Row of the table") if fragment else example.columns
    mapping = load(whole(example.text))
    rows = [
        Row(number, (*cells, str(number)) if fragment else cells) for number, (cells, _) in enumerate(example.rows, 1)
    ]
    with (
        Ledger(Path("l.db"), verb="preview") as ledger,
        open_companions(ledger, mapping, Beside(Path())) as companions,
    ):
        mapper = mapping.bind(columns, companions.tables)
        companions.load(lambda: None)
        results = list(map(mapper.apply, rows))
    for number, mapped, (_, sent) in zip(count(1), results, example.rows, strict=False):
        if mapped.body is None:
            found: Any = "left out" if mapped.left_out else [error.code for error in mapped.errors]
        else:
            body = orjson.loads(mapped.body)
            found = {key: value for key, value in body.items() if not fragment or FILLER.get(key) != value}
            if mapped.case_updates:  # the page shows them behind the case
                found = [found, *map(orjson.loads, mapped.case_updates)]
        assert found == expected_of(sent), f"row {number}"


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.message], ids=lambda e: f"line{e.line}")
def test_a_refused_example_is_refused_as_the_page_says(load: Load, example: Example) -> None:
    header, _, message = example.message.partition("mapping.yml:")
    message = message.replace("mapping.yml:", "m.yml:")
    with pytest.raises(MappingError) as caught:
        load(example.text).bind(tuple(header.strip().split(",")))
    assert str(caught.value) == f"m.yml:{message}".strip()


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
    sources = "".join(file.read_text("utf-8") for file in (PACKAGE / "mapping").glob("*.py"))
    codes = set(re.findall(r"(?:CellError|FieldError)\(\s*\"(\w+)\"", sources)) - {"not_accepted"} | LINK_CODES
    assert codes == {
        code
        for row in re.findall(r"^\| (`.*?) \|", PAGE.split("## Errors")[1], re.M)
        for code in re.findall(r"`(\w+)`", row)
    }
