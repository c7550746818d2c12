"""Bulk import of helpdesk exports into Talkdesk cases: nothing lost, nothing twice.

Every verb of the command line is a function here, with a typed result; a DataFrame may be given instead of a file::

    from importer import Settings, run_import

    result = run_import("tickets.csv", "zendesk", settings=Settings(region="eu", account="acme", rate=10))
    print(result.totals, result.exit_code)

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from importer.version import __version__

if TYPE_CHECKING:
    from importer.api import *  # noqa: F403

__all__ = ["__version__"]  # and those of importer.api, which is loaded when one of them is first used (PEP 562)


def __getattr__(name: str) -> Any:
    if name not in __dir__():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("importer.api"), name)


def __dir__() -> list[str]:
    return ["__version__", *(name for name in vars(import_module("importer.api")) if not name.startswith("_"))]
