"""Files that are broken or locked: what the unpackers raise, and the errors a user sees instead."""

from __future__ import annotations

import struct
import zipfile
import zlib

from importer.errors import SourceError

#: What unpacking a broken file may raise. ValueError and RuntimeError come from zipfile for hostile headers.
UNPACKING_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)

#: What taking the parts of a broken workbook for what they should be may raise.
PARSING_ERRORS = (struct.error, IndexError)


def damaged(name: str, reason: object = "") -> SourceError:
    """The error for a file that is cut off or broken."""
    told = f" ({reason})".replace(".)", ")") if str(reason) else ""
    hint = "copy or download it again, and check that it opens"
    return SourceError(f"the file is damaged or incomplete{told}", where=name, hint=hint)


def password_protected(name: str) -> SourceError:
    """The error for a workbook or archive that only opens with a password."""
    hint = "open it, save it without the password, and import that copy"
    return SourceError("this file is password-protected", where=name, hint=hint)
