"""The examples of docs/mapping.md: their mappings, their rows, and what the page says becomes of them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter

import importer

PACKAGE = Path(importer.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "mapping.md").read_text("utf-8")
FILLER = {"title": "Filler", "description": "Filler"}
#: The key of an example that shows only what stands under `case:`.
KEY = "Row of the table"


class Example(NamedTuple):
    line: int
    section: str
    text: str
    columns: tuple[str, ...]
    rows: list[tuple[tuple[str, ...], str]]
    message: str

    @property
    def is_fragment(self) -> bool:
        """Whether it shows only what stands under `case:`."""
        return not self.text.startswith("version:")

    @property
    def is_linked(self) -> bool:
        return "record:" in self.text

    @property
    def mapping(self) -> str:
        """The example as a whole mapping."""
        if not self.is_fragment:
            return self.text
        fillers = [
            f"  {key}: {{value: {value}}}\n"
            for key, value in FILLER.items()
            if f"{key}:" not in re.findall(r"^\w+:", self.text, re.M)
        ]
        indented = "".join(f"  {line}\n" for line in self.text.splitlines())
        return f"version: 1\nsource: {{key: {KEY}}}\ncase:\n{''.join(fillers)}{indented}"

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of its export."""
        if self.message:
            columns, _, _ = self.message.partition("mapping.yml:")
            return tuple(columns.strip().split(","))
        return (*self.columns, KEY) if self.is_fragment else self.columns

    @property
    def cells(self) -> list[tuple[str, ...]]:
        """The rows of its export."""
        return [
            (*cells, str(number)) if self.is_fragment else cells for number, (cells, _) in enumerate(self.rows, start=1)
        ]

    @property
    def refusal(self) -> str:
        """What is said of a mapping that is wrong; its file is called ``m.yml``."""
        _, _, text = self.message.partition("mapping.yml:")
        return f"m.yml:{text.replace('mapping.yml:', 'm.yml:')}".strip()

    def shown(self, body: dict[str, Any]) -> dict[str, Any]:
        """A body without what the example has only because a case needs it."""
        return {key: value for key, value in body.items() if not self.is_fragment or FILLER.get(key) != value}


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def cell_text(cell: str) -> str:
    written = cell[1:-1] if cell.startswith("`") and cell.endswith("`") else cell.replace("`", "")
    return written.replace(r"\r", "\r").replace(r"\n", "\n").replace(r"\t", "\t")


def examples() -> list[Example]:
    pattern = r"```yaml\n(?P<yaml>.*?)```\n\n(?:(?P<table>(?:\|[^\n]*\n)+)|```text\n(?P<text>.*?)```\n)"
    found = []
    for match in re.finditer(pattern, PAGE, re.DOTALL):
        before = PAGE[: match.start()]
        section = re.findall(r"^## (.*)", before, re.M)[-1]
        header, _, *lines = (match["table"] or "||\n||\n").strip().split("\n")
        rows = [(tuple(map(cell_text, row[:-1])), row[-1]) for row in map(cells_of, lines)]
        columns = tuple(cells_of(header)[:-1])
        found.append(Example(before.count("\n") + 1, section, match["yaml"], columns, rows, match["text"] or ""))
    return found


EXAMPLES = examples()
#: Files that the examples name: code blocks with the name of a file.
FILES = dict(re.findall(r"```\w+ ([\w.-]+)\n(.*?)```", PAGE, re.DOTALL))


def write_files(folder: Path) -> None:
    """The files that examples name, where they look for them."""
    for name, text in FILES.items():
        if name.endswith(".xlsx"):
            write_workbook(folder / name, sheet="Agents", rows=[line.split(",") for line in text.splitlines()])
        else:
            (folder / name).write_text(text, "utf-8")


def write_workbook(path: Path, *, sheet: str, rows: list[list[str]]) -> None:
    """A workbook with another sheet before the one that is meant."""
    with xlsxwriter.Workbook(path) as workbook:
        workbook.add_worksheet("Other").write_row(0, 0, ["Login"])
        worksheet = workbook.add_worksheet(sheet)
        for number, row in enumerate(rows):
            worksheet.write_row(number, 0, row)


def write_export(path: Path, example: Example) -> None:
    """The rows of an example as a CSV file; a lone column gets another next to it, for an empty line is no row."""
    table = [example.header, *example.cells]
    if len(example.header) == 1:
        table = [(*row, other) for row, other in zip(table, ["Other", *("x" * len(example.rows))], strict=True)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(table)


def expected_of(sent: str) -> Any:
    """What the page says: a body, a list of a body and updates, the codes of errors, or "filtered"."""
    if sent == "filtered":
        return sent
    return re.findall(r"`(\w+)`", sent) if sent.startswith("error") else json.loads(sent.strip("`"))
