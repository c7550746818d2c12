"""Parts of an Office Open XML package, found by their relationships.

Source: ECMA-376 part 2 (Open Packaging Conventions), relationships; part 1, section 18.2.19, sheet.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.parsers import expat

from importer.errors import SourceError
from importer.source.damage import PARSING_ERRORS, UNPACKING_ERRORS, damaged


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at ``path``; whatever is broken inside becomes a :class:`SourceError`."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (*UNPACKING_ERRORS, *PARSING_ERRORS, expat.ExpatError) as error:
        raise damaged(path.name, error) from None


def strict_parser() -> expat.XMLParserType:
    """An XML parser that takes no document type: a workbook never has one, an attack may."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def elements(data: bytes) -> list[tuple[str, dict[str, str]]]:
    """Local names and attributes of all elements of a small document, in its order."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = strict_parser()
    parser.StartElementHandler = lambda name, attributes: found.append((name.rpartition(":")[2], attributes))
    parser.Parse(data, True)
    return found


def workbook_part(archive: zipfile.ZipFile) -> str:
    """Name of the part that lists the sheets.

    Raises:
        LookupError: The package does not say.
    """
    for _, attributes in elements(read_part(archive, "_rels/.rels")):
        if attributes.get("Type", "").endswith("/officeDocument"):
            return _target("", attributes["Target"])
    raise LookupError("officeDocument")


def related_part(archive: zipfile.ZipFile, part: str, relationship: str) -> str:
    """Name of the part to which ``part`` refers by the id of a relationship.

    Raises:
        LookupError: There is no such relationship, or no such part.
    """
    folder, base = posixpath.split(part)
    for _, attributes in elements(read_part(archive, f"{folder}/_rels/{base}.rels")):
        if attributes.get("Id") == relationship:
            return _existing(archive, _target(folder, attributes["Target"]))
    raise LookupError(relationship)


def read_part(archive: zipfile.ZipFile, part: str) -> bytes:
    """Contents of a small part.

    Raises:
        LookupError: There is no such part.
    """
    return archive.read(_existing(archive, part))


def _existing(archive: zipfile.ZipFile, part: str) -> str:
    """The member that is called ``part``: names of parts are compared without regard to case."""
    wanted = part.lower()
    for name in archive.namelist():
        if name.replace("\\", "/").lower() == wanted:
            return name
    raise LookupError(part)


def _target(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")


def _refuse_doctype(*_: object) -> None:
    raise SourceError("the workbook contains a document type, which no workbook needs", hint="do not trust this file")
