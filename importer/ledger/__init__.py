"""The durable state of an import: which row stands where, and how it got there.

:class:`Ledger` has what the road of a row needs, from its mark to its outcome. All else is a function of the module of
its topic that is given the ledger: ``sources``, ``parents``, ``case_updates``, ``decisions``, ``verification`` and so
on. :class:`LedgerView` only looks. What goes in and comes out is in ``records``.
"""

from importer.ledger.ledger import Ledger
from importer.ledger.view import LedgerView
from importer.ledger.writer import LedgerWriter

__all__ = ["Ledger", "LedgerView", "LedgerWriter"]
