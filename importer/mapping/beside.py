"""The files beside a mapping: those that it names, and without which it does not mean the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

from importer.mapping.problems import Malformed

SIZE_MAX = 16 * 1024 * 1024


class Beside:
    """Finds the files that a mapping names, and remembers what was read for the fingerprint of the whole.

    Args:
        folder: Where the mapping lies: relative paths begin there.
        content: The bytes of the mapping itself.
    """

    def __init__(self, folder: Path, content: bytes) -> None:
        self._folder = folder
        self._digests = [hashlib.sha256(content).hexdigest()]

    def path(self, name: str) -> Path:
        """The place of the file that the mapping calls ``name``.

        Raises:
            Malformed: There is no such file.
        """
        path = self._folder / name
        try:
            found = path.exists()
        except (OSError, ValueError):
            found = False
        if not found:
            raise Malformed(f"there is no file {name!r}", "its path begins in the folder of the mapping")
        return path

    def content(self, name: str) -> bytes:
        """The bytes of a file, at most one more than :data:`SIZE_MAX`.

        Raises:
            Malformed: It is missing or cannot be read.
        """
        try:
            with self.path(name).open("rb") as stream:
                content = stream.read(SIZE_MAX + 1)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Malformed(f"the file {name!r} cannot be read: {reason}", "check its path and rights") from None
        self.read(hashlib.sha256(content).hexdigest())
        return content

    def read(self, digest: str) -> None:
        """Notes that a file with this digest is part of the mapping."""
        self._digests.append(digest)

    def sha256(self) -> str:
        """The digest of the mapping, or of it and all files that it names."""
        first, *others = self._digests
        return hashlib.sha256(" ".join(self._digests).encode()).hexdigest() if others else first
