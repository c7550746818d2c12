"""What kind of file is this really? Its first bytes decide, never its name. What cannot be an export is refused."""

from __future__ import annotations

import mmap
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

from importer.errors import EmptySourceError, SourceError
from importer.text.safe import shown
from importer.text.wording import listed

#: What unpacking or parsing a broken file may raise; zipfile raises the last ones for hostile headers.
_UNPACKING_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, ExpatError, ParseError, EOFError, OSError),
    *(RuntimeError, ValueError, LookupError, struct.error),
)


class Kind(Enum):
    """The kinds of file that can be read; the value is their name in messages."""

    TEXT = "text"
    GZIP = "gzip"
    ZIP = "zip archive"
    XLSX = "Excel workbook"
    XLSB = "binary Excel workbook"
    XLS = "Excel 97 workbook"
    ODS = "OpenDocument spreadsheet"


TEXT_KINDS = (Kind.TEXT, Kind.GZIP, Kind.ZIP)

#: Endings under which a file of each kind is expected; another one earns a note.
USUAL_ENDINGS = {
    Kind.TEXT: (".csv", ".tsv", ".txt", ".tab", ".psv"),
    Kind.GZIP: (".gz",),
    Kind.ZIP: (".zip",),
    Kind.XLSX: (".xlsx", ".xlsm", ".xltx", ".xltm"),
    Kind.XLSB: (".xlsb",),
    Kind.XLS: (".xls", ".xlt"),
    Kind.ODS: (".ods", ".ots"),
}

_HEAD_BYTES = 8192
_UNPACK = "unpack it and give the file inside"
_EXPORT = "export again as CSV or .xlsx"
_SAVE = "open it in Excel and save it as .xlsx"

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
    (b"MIME-Version:", "a web archive (MHTML)", _SAVE),
)
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the wrapper of Office documents before 2007, and of encrypted ones
_MANIFEST, _MANIFEST_BYTES = "META-INF/manifest.xml", 1024**2
_CLUTTER = re.compile(r"^__MACOSX/|(^|/)(\.DS_Store|Thumbs\.db)$")  # what macOS and Windows add
_ENCRYPTED = 0x1  # bit of ZipInfo.flag_bits
_CONTROLS = re.compile(rb"[\x00\x02-\x08\x0e-\x1a\x1c\x1d]")  # without those that separate cells in some files
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|table|meta|div)\b", re.I)
_JSON = re.compile(r'\s*(?:\{\s*["}]|\[\s*[\[{"\]])')
_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.I)
#: An Excel 97 workbook has one of the first two; streams are named in UTF-16 somewhere in the file.
_STREAMS = ("Workbook", "Book", "EncryptedPackage")
#: The begin of an Excel 97 (or 95) workbook that is encrypted in any way: BOF, perhaps WRITEPROTECT, and FILEPASS.
#: Source: [MS-XLS] 2.4.21, 2.4.117. calamine takes the oldest way for damage.
_FILE_PASS = re.compile(
    rb"\x09\x08(?:\x10\x00\x00\x06.{14}|\x08\x00\x00\x05.{6})(?:\x86\x00\x00\x00)?\x2f\x00", re.DOTALL
)


def damaged(name: str, reason: object = "") -> SourceError:
    """The error for a file that is cut off or broken."""
    told = f" ({reason})".replace(".)", ")") if str(reason) else ""
    hint = "copy or download it again, and check that it opens"
    return SourceError(f"the file is damaged or incomplete{told}", where=name, hint=hint)


@contextmanager
def damage_named(name: str) -> Iterator[None]:
    """Whatever unpacking or parsing a broken file raises becomes a SourceError."""
    try:
        yield
    except NotImplementedError as error:
        raise SourceError(f"cannot unpack the archive ({error})", where=name, hint=_UNPACK) from None
    except _UNPACKING_ERRORS as error:
        raise damaged(name, error) from None


def password_protected(name: str) -> SourceError:
    """The error for a workbook or archive that only opens with a password."""
    hint = "save a copy without the password and import that"
    return SourceError("the file is password-protected", where=name, hint=hint)


def file_name(path: Path) -> str:
    """The name of a file as text that can be written anywhere; old archives have names that are not Unicode."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def kind_of(path: Path) -> Kind:
    """The kind of the file at ``path``.

    Raises:
        SourceError: It cannot be opened, is empty, a workbook with a password, or cannot be an export.
    """
    head = _head_of(path)
    _refuse_foreign(head, path.name)
    if head.startswith(_GZIP):
        return Kind.GZIP
    if head.startswith(_ZIP):
        return _kind_of_zip(path)
    if not head.startswith(_COMPOUND):
        return Kind.TEXT
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        streams = {name for name in _STREAMS if data.find(name.encode("utf-16-le")) >= 0}
        is_encrypted = _FILE_PASS.search(data) is not None
    if streams == {"EncryptedPackage"} or is_encrypted:
        raise password_protected(path.name)
    if not streams:
        raise SourceError("is an old Office document, but not a workbook", where=path.name, hint=_EXPORT)
    return Kind.XLS


def _head_of(path: Path) -> bytes:
    """The beginning of a file that is not missing, a folder or a pipe: an export is read more than once."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return file.read(_HEAD_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        hint = "check the path; relative paths start in the current folder"
        raise SourceError("file not found", where=str(path), hint=hint) from None
    except (OSError, ValueError) as error:
        what = f"cannot read the file: {getattr(error, 'strerror', None) or error}"
        raise SourceError(what, where=file_name(path), hint="check its permissions and the disk") from None
    if stat.S_ISDIR(mode):
        raise SourceError("is a folder, not a file", where=str(path), hint="give the path of the export file")
    what = "is not a regular file (a pipe, for example), but the export is read more than once"
    raise SourceError(what, where=str(path), hint="save it to a file first")


def _refuse_foreign(head: bytes, name: str) -> None:
    """Refuse an empty file, and what is known by its first bytes and can never be an export."""
    if not head:
        raise EmptySourceError("the file is empty", where=name, hint=_EXPORT)
    for magic, what, hint in _FOREIGN:
        if head.startswith(magic):
            raise SourceError(f"is {what}, despite its name", where=name, hint=hint)


def refuse_unless_text(head: bytes, name: str, *, codec: str, text: str) -> None:
    """Refuse the contents of a file, unpacked, that are no table as text: ``head`` is its beginning, decoded ``text``.

    Raises:
        SourceError: It is empty, binary, another archive, a web page, JSON or XML.
    """
    _refuse_foreign(head, name)
    if head.startswith((_GZIP, *_ZIP, _COMPOUND)):
        raise SourceError("contains a workbook or an archive, not text", where=name, hint=_UNPACK)
    is_wide = codec.startswith(("utf-16", "utf-32"))  # then plain text is full of NUL bytes
    if not is_wide and len(_CONTROLS.findall(head)) > max(len(head) / 20, 16):
        raise SourceError("is neither text nor a supported workbook", where=name, hint=_EXPORT)
    first, where = text.lstrip()[:5], f"{name}:1"
    if first == "<?xml" and "urn:schemas-microsoft-com:office:spreadsheet" in text:
        raise SourceError("is an Excel 2003 XML spreadsheet, which cannot be read", where=where, hint=_SAVE)
    if first.startswith("<") and _HTML.search(text):
        title = _TITLE.search(text)
        titled = f' titled "{shown(title[1].strip())}"' if title and title[1].strip() else ""
        hint = f"if it is a log-in or error page, export again; if it is a table, {_SAVE}"
        raise SourceError(f"is a web page (HTML){titled}, not an export", where=where, hint=hint)
    if first == "<?xml":
        raise SourceError("is an XML document, which cannot be read", where=where, hint=_EXPORT)
    if _JSON.match(text):
        hint = f"{_EXPORT}, or load it with pandas.read_json and import the DataFrame"
        raise SourceError("is JSON, not a table", where=where, hint=hint)


def renamed_note(path: Path, kind: Kind) -> list[str]:
    """A note when the name of the file promises another kind; empty when it does not."""
    suffix = path.suffix.lower()
    promised = next((other for other, endings in USUAL_ENDINGS.items() if suffix in endings), kind)
    if promised is kind:
        return []
    return [f"the file is named {path.suffix}, but its content is {kind.value}; reading it as {kind.value}"]


def _kind_of_zip(path: Path) -> Kind:
    with damage_named(path.name), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if _MANIFEST in names:
            with archive.open(_MANIFEST) as manifest:
                if b"encryption-data" in manifest.read(_MANIFEST_BYTES):
                    raise password_protected(path.name)
    lowered = {name.lower().replace("\\", "/") for name in names}
    if "content.xml" in lowered and "mimetype" in lowered:
        return Kind.ODS
    if "xl/workbook.bin" in lowered:
        return Kind.XLSB
    if "[content_types].xml" in lowered:
        if any(name.startswith(("word/", "ppt/")) for name in lowered):
            raise SourceError("is a Word or PowerPoint document", where=path.name, hint=_EXPORT)
        return Kind.XLSX
    if any(name.endswith(".iwa") for name in lowered):
        raise SourceError("is an Apple Numbers document", where=path.name, hint=_EXPORT)
    return Kind.ZIP


def only_member(path: Path) -> str:
    """The name of the only file in a ZIP archive, apart from folders and what macOS adds.

    Raises:
        SourceError: There is none, there are several, or it has a password.
    """
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not (info.is_dir() or _CLUTTER.search(info.filename))]
    if not members:
        raise EmptySourceError("the archive is empty", where=path.name, hint="export again")
    if len(members) > 1:
        names = listed((repr(shown(info.filename)) for info in members), most=10)
        hint = f"unpack it and give the file to import, such as {members[0].filename!r}"
        raise SourceError(f"the archive contains {len(members):,} files: {names}", where=path.name, hint=hint)
    if members[0].flag_bits & _ENCRYPTED:
        raise password_protected(path.name)
    return members[0].filename
