"""Composes the packages: one module for each thing that a user can ask for, and what they share.

| verb | module |
|---|---|
| run, rebuild, retry, reconcile | ``run``, each a :class:`~importer.pipeline.sending.LedgerRun` |
| verify, try | ``verifying``, ``trying`` with ``stand_in`` |
| check, preview, suggest | ``checking`` |
| rehearse | ``rehearsal`` |
| status, report, resolve, forget | ``ledger_verbs`` |
| explain | ``explaining`` |
| fields, users | ``account`` |

Shared: ``companions`` (an export and what belongs to it, opened), ``staging`` (pass 1), ``sending`` (pass 2),
``session`` (a ledger is held, an account talked to), ``results`` (what verbs return).
"""
