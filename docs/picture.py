"""Draws ``docs/terminal.svg``, the picture in the README: the demonstration as it really looks in a terminal.

Run it after a change of what the demonstration prints (Linux and macOS)::

    .venv/bin/python docs/picture.py

It runs ``case-importer demo`` in a pseudo-terminal of fixed width and keeps the screen of the first import.
Only times and rates differ from one run to the next; the size of the picture does not.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import unicodedata
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

PICTURE = Path(__file__).with_name("terminal.svg")
COLUMNS = 110
PROMPT = "$ case-importer demo"

_CELL_WIDTH, _CELL_HEIGHT, _MARGIN, _TITLE_BAR = 8.0, 18, 18, 34
_PAPER, _INK = "#0d1117", "#c9d1d9"
_INKS = {31: "#ff7b72", 32: "#56d364", 33: "#e3b341", 35: "#d2a8ff"}
_LIGHTS = ("#ff5f57", "#febc2e", "#28c840")
#: Eighths of a cell that a character of the progress bar fills.
_EIGHTHS = {character: 8 - position for position, character in enumerate("█▉▊▋▌▍▎▏")}
_COMMAND = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")


class Style(NamedTuple):
    """How a character looks: its colour by SGR number, 0 for the normal one, and its weight."""

    colour: int = 0
    bold: bool = False

    def after(self, codes: str) -> Style:
        """The style after an SGR command such as ``1;32``."""
        style = self
        for code in map(int, codes.split(";") if codes else ["0"]):
            style = Style() if code == 0 else style._replace(bold=True) if code == 1 else style._replace(colour=code)
        return style


class Cell(NamedTuple):
    """One character on the screen."""

    character: str
    style: Style


class Screen:
    """What a terminal shows after some output: enough of one for a program that only moves to the line's start."""

    def __init__(self) -> None:
        self.lines: list[list[Cell]] = [[]]
        self._column = 0
        self._style = Style()

    def show(self, output: str) -> None:
        """Take more output."""
        while output:
            command = _COMMAND.match(output)
            if command and command[2] == "m":
                self._style = self._style.after(command[1])
            elif not command:
                self._put(output[0])
            output = output[command.end() if command else 1 :]

    def _put(self, character: str) -> None:
        if character == "\n":
            self.lines.append([])
        elif character == "\r":
            self._column = 0
        else:
            cells = [Cell(character, self._style), *[Cell("", self._style)] * (_width(character) - 1)]
            self.lines[-1][self._column : self._column + len(cells)] = cells
            self._column += len(cells)


def _width(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def output_of_demo() -> str:
    """What the demonstration writes into a terminal of :data:`COLUMNS` columns."""
    head, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "importer", "demo"]
        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(PICTURE.parent.parent)}
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
        ) as process:
            os.close(terminal)
            output = b"".join(_until_closed(head))
    if process.returncode:
        sys.exit(f"the demonstration failed:\n{output.decode()}")
    return output.decode().replace(f"{PICTURE.parent.parent / 'sample_data'}/", "")  # where it was drawn


def _until_closed(head: int) -> Iterator[bytes]:
    while True:
        try:
            output = os.read(head, 65536)
        except OSError:  # how Linux says that the other side is closed
            return
        if not output:
            return
        yield output


def first_import(lines: list[list[Cell]]) -> list[list[Cell]]:
    """The lines of the first import."""
    texts = ["".join(cell.character for cell in line) for line in lines]
    last = next(number for number, text in enumerate(texts) if text.startswith("Exit code"))
    return lines[: last + 1]


def drawn(lines: list[list[Cell]]) -> str:
    """The screen as SVG."""
    width = COLUMNS * _CELL_WIDTH + 2 * _MARGIN
    height = len(lines) * _CELL_HEIGHT + _TITLE_BAR + _MARGIN
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" xml:space="preserve"'
        ' role="img" aria-labelledby="title">',
        '<title id="title">case-importer demo: progress bar, totals, why rows failed, where the reports are</title>',
        "<style>text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        "white-space:pre}</style>",
        f'<rect width="{width:g}" height="{height}" rx="9" fill="{_PAPER}"/>',
        *(f'<circle cx="{20 + 20 * n}" cy="18" r="6" fill="{light}"/>' for n, light in enumerate(_LIGHTS)),
    ]
    body = [part for number, line in enumerate(lines) for part in _line(line, number)]
    return "\n".join([*head, *body, "</svg>", ""])


def _line(line: list[Cell], number: int) -> Iterator[str]:
    top = _TITLE_BAR + number * _CELL_HEIGHT
    column = 0
    for (style, is_bar), cells in groupby(line, key=lambda cell: (cell.style, cell.character in _EIGHTHS)):
        run = list(cells)
        text = "".join(cell.character for cell in run)
        if is_bar:
            yield _bar(text, column, top)
        elif text.strip():
            yield _text(text, style, column, top, len(run))
        column += len(run)


def _bar(text: str, column: int, top: int) -> str:
    eighths = sum(_EIGHTHS[character] for character in text)
    return (
        f'<rect x="{_left(column):g}" y="{top + 2}" width="{eighths * _CELL_WIDTH / 8:g}"'
        f' height="{_CELL_HEIGHT - 5}" fill="{_INKS[32]}"/>'
    )


def _text(text: str, style: Style, column: int, top: int, cells: int) -> str:
    ink = "#ffffff" if style.bold and not style.colour else _INKS.get(style.colour, _INK)
    weight = ' font-weight="bold"' if style.bold else ""
    return (
        f'<text x="{_left(column):g}" y="{top + 13}" textLength="{cells * _CELL_WIDTH:g}"'
        f' lengthAdjust="spacingAndGlyphs" fill="{ink}"{weight}>{escape(text, quote=False)}</text>'
    )


def _left(column: int) -> float:
    return _MARGIN + column * _CELL_WIDTH


def main() -> None:
    """Draw the picture."""
    screen = Screen()
    screen.show(f"\x1b[1m{PROMPT}\x1b[0m\r\n{output_of_demo()}")
    PICTURE.write_text(drawn(first_import(screen.lines)), encoding="utf-8")


if __name__ == "__main__":
    main()
