"""What kind of file is this really? Its first bytes decide, never its name."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from enum import Enum
from pathlib import Path

from importer.errors import EmptySourceError, SourceError
from importer.source.compound import CompoundFile
from importer.source.damage import UNPACKING_ERRORS, damaged, password_protected

HEAD_BYTES = 8192


class Kind(Enum):
    """The kinds of file that can be read; the value is how messages call them."""

    TEXT = "text"
    GZIP = "gzip"
    ZIP = "zip archive"
    XLSX = "Excel workbook"
    XLSB = "binary Excel workbook"
    XLS = "Excel 97 workbook"
    ODS = "OpenDocument spreadsheet"


#: Name endings under which a file of each kind is expected; another ending earns a note.
USUAL_ENDINGS = {
    Kind.TEXT: (".csv", ".tsv", ".txt", ".tab", ".psv"),
    Kind.GZIP: (".gz",),
    Kind.ZIP: (".zip",),
    Kind.XLSX: (".xlsx", ".xlsm", ".xltx", ".xltm"),
    Kind.XLSB: (".xlsb",),
    Kind.XLS: (".xls", ".xlt"),
    Kind.ODS: (".ods", ".ots"),
}

_UNPACK = "unpack it and give the file inside"
_EXPORT = "export again as CSV or .xlsx"

#: Leading bytes of what people mistake for an export: what it is, and the hint.
_FOREIGN = (
    (b"%PDF-", "a PDF document", _EXPORT),
    (b"{\\rtf", "an RTF document", _EXPORT),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"BZh", "a bzip2 file", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", _UNPACK),
    (b"PAR1", "a Parquet file", "load it with pandas.read_parquet and import the DataFrame, or export as CSV"),
    (b"ARROW1", "an Arrow file", "load it with pandas.read_feather and import the DataFrame, or export as CSV"),
    (b"SQLite format 3\x00", "an SQLite database", "export the table as CSV"),
    (b"\x89PNG", "a picture", _EXPORT),
    (b"\xff\xd8\xff", "a picture", _EXPORT),
    (b"MIME-Version:", "a web archive (MHTML)", "open it in Excel and save it as .xlsx"),
)
_MANIFEST, _MANIFEST_BYTES = "META-INF/manifest.xml", 1024**2
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_CONTROLS = re.compile(rb"[\x00\x02-\x08\x0e-\x1a\x1c\x1d]")  # without those that separate cells in some files
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|table|meta|div)\b", re.I | re.S
)
_TITLE = re.compile(r"<title[^>]*>\s*(.*?)\s*</title", re.I | re.S)
_JSON = re.compile(r'\s*(?:\{\s*["}]|\[\s*[\[{"\]])')


def existing_file(path: Path) -> Path:
    """``path``, if it is a file that can be opened and read more than once.

    Raises:
        SourceError: It is missing, a folder, a pipe, or not readable.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
            return path
    except (FileNotFoundError, NotADirectoryError):
        hint = "check the path; it is taken from where you are"
        raise SourceError("there is no such file", where=str(path), hint=hint) from None
    except (OSError, ValueError) as error:
        raise SourceError(f"it cannot be opened ({error})", where=str(path), hint="check who may read it") from None
    if stat.S_ISDIR(mode):
        raise SourceError("this is a folder", where=str(path), hint="give the path of the export file itself")
    what = "this is not a regular file, and the export is read more than once"
    raise SourceError(what, where=str(path), hint="save it to a file first")


def shown_name(path: Path) -> str:
    """The name of a file as text that can be written anywhere; old archives hold names that are not Unicode."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def kind_of(path: Path) -> Kind:
    """The kind of the file at ``path``.

    Raises:
        SourceError: It is empty, a workbook with a password, or something that is no export at all.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise SourceError(
            f"the file cannot be read: {error.strerror}", where=shown_name(path), hint="check the disk, or copy it anew"
        ) from None
    if not head:
        raise EmptySourceError("the file is empty", where=path.name, hint=_EXPORT)
    _refuse_foreign(head, path.name)
    if head.startswith(_GZIP):
        return Kind.GZIP
    if head.startswith(_ZIP):
        return _kind_of_zip(path)
    if head.startswith(CompoundFile.SIGNATURE):
        return _kind_of_compound(path)
    return Kind.TEXT


def refuse_unless_text(head: bytes, name: str) -> None:
    """Refuse what came out of an archive (``head`` is its beginning), unless it may be text.

    Raises:
        SourceError: It is empty, a workbook, another archive, or something that is no export at all.
    """
    if not head:
        raise EmptySourceError("the file is empty", where=name, hint=_EXPORT)
    _refuse_foreign(head, name)
    if head.startswith((_GZIP, *_ZIP, CompoundFile.SIGNATURE)):
        raise SourceError("there is a workbook or an archive inside, not text", where=name, hint=_UNPACK)


def _refuse_foreign(head: bytes, name: str) -> None:
    """Refuse what is known by its first bytes and can never be an export."""
    for magic, what, hint in _FOREIGN:
        if head.startswith(magic):
            raise SourceError(f"this is {what}, whatever its name says", where=name, hint=hint)


def refuse_markup(head: str, name: str) -> None:
    """Refuse text that is a web page, JSON or XML, by its beginning."""
    where = f"{name}:1"
    if _HTML.match(head):
        title = _TITLE.search(head)
        titled = f' titled "{title[1]}"' if title and title[1] else ""
        hint = "if it is a log-in or error page, export again; if it is a table, open it in Excel and save it as .xlsx"
        raise SourceError(f"this is a web page (HTML){titled}, not an export", where=where, hint=hint)
    if head.lstrip().startswith("<?xml"):
        spreadsheet = "urn:schemas-microsoft-com:office:spreadsheet" in head
        what = "an Excel 2003 XML spreadsheet" if spreadsheet else "an XML document"
        hint = "open it in Excel and save it as .xlsx" if spreadsheet else _EXPORT
        raise SourceError(f"this is {what}, which cannot be read", where=where, hint=hint)
    if _JSON.match(head):
        hint = f"{_EXPORT}, or load it with pandas.read_json and import the DataFrame"
        raise SourceError("this is JSON, not a table", where=where, hint=hint)


def refuse_binary(head: bytes, name: str) -> None:
    """Refuse bytes that cannot be text in UTF-8 or an older encoding: many control characters, one in twenty bytes."""
    if len(_CONTROLS.findall(head)) > max(len(head) / 20, 16):
        raise SourceError(
            "this is not a text file, and no kind of workbook that is known here", where=name, hint=_EXPORT
        )


def renamed_note(path: Path, kind: Kind) -> list[str]:
    """A note when the name of the file promises another kind; empty when it does not."""
    promised = next((k for k, endings in USUAL_ENDINGS.items() if path.suffix.lower() in endings), kind)
    if promised is kind:
        return []
    return [f"named {path.suffix}, but read as what it is: {kind.value}"]


def _kind_of_zip(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if _MANIFEST in names and b"encryption-data" in archive.open(_MANIFEST).read(_MANIFEST_BYTES):
                raise password_protected(path.name)
    except UNPACKING_ERRORS as error:
        raise damaged(path.name, error) from None
    lowered = {name.lower().replace("\\", "/") for name in names}
    if "content.xml" in lowered and "mimetype" in lowered:
        return Kind.ODS
    if "xl/workbook.bin" in lowered:
        return Kind.XLSB
    if "[content_types].xml" in lowered:
        return _kind_of_office(lowered, path.name)
    if any(name.endswith(".iwa") for name in lowered):
        raise SourceError("this is an Apple Numbers document", where=path.name, hint=_EXPORT)
    return Kind.ZIP


def _kind_of_office(names: set[str], where: str) -> Kind:
    if any(name.startswith(("word/", "ppt/")) for name in names):
        raise SourceError("this is a Word or PowerPoint document", where=where, hint=_EXPORT)
    return Kind.XLSX


def _kind_of_compound(path: Path) -> Kind:
    names = CompoundFile(path.read_bytes(), path.name).names()
    if "EncryptedPackage" in names:
        raise password_protected(path.name)
    if not names & {"Workbook", "Book"}:
        raise SourceError("this is an old Office document, but no workbook", where=path.name, hint=_EXPORT)
    return Kind.XLS
