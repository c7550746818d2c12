"""A stand-in of a row: the same case, with the user's own address and an external id that no row has; who needs one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from importer.errors import ConfigError, SourceError
from importer.intake.companions import Companions
from importer.intake.export import columns_mapped
from importer.intake.rows import rows_of
from importer.ledger import Ledger
from importer.ledger.tries import MARK, key_prefix
from importer.mapping import Mapping
from importer.mapping.email_addresses import is_email
from importer.mapping.mapper import KEY_MAX
from importer.models import Mapped, Row
from importer.reader import Reader
from importer.talkdesk.payloads import DESCRIPTION_MAX, TITLE_MAX


def check_address(email: str) -> str:
    """The address, if mail can be sent to it (ConfigError)."""
    if not is_email(email):
        raise ConfigError(f"--email {email!r} is not an e-mail address", hint="give your own, such as me@acme.example")
    return email


def row_named(source: Reader, mapping: Mapping, name: str, companions: Companions) -> tuple[Row, Mapped]:
    """The row with this key or, if no row has it, the one with this row number; and what the mapping makes of it.

    Raises:
        SourceError: there is no such row, it is invalid, or the mapping filters it.
    """
    mapper = mapping.bind(columns_mapped(source), companions.tables)
    companions.load(lambda: None)
    found, has_key = None, False
    for row in rows_of(source):
        if mapper.key(row) == name:
            found, has_key = row, True
            if not mapping.keep_last:
                break
        elif str(row.number) == name and not has_key:
            found = row
    if found is None:
        hint = "give its key, as `source.key` reads it, or its row number"
        raise SourceError(f"no row has the key or the number {name!r}; nothing was sent", where=source.name, hint=hint)
    mapped, place = mapper.apply(found), f"{source.name}:{found.number}"
    if mapped.errors:
        why = " | ".join(map(str, mapped.errors))
        hint = "fix it, or choose another row"
        raise SourceError(f"this row is invalid, so nothing was sent: {why}", where=place, hint=hint)
    if mapped.body is None:
        what = f"the mapping filters this row ({mapped.filtered_by}); nothing was sent"
        raise SourceError(what, where=place, hint="choose another row")
    return found, mapped


def stand_in(mapped: Mapped, *, key: str, email: str, external_id_field: str | None) -> Mapped:
    """What is sent in the place of a row.

    The address of its requester becomes ``email`` wherever it stands; other addresses stay. The name of the requester
    and the parent are left out: no contact is to get a stranger's name, and no other case is to be touched.
    """
    assert mapped.body is not None
    body = orjson.loads(mapped.body)
    own = _putting(email, body.get("requester_email"))
    for name in ("requester_name", "parent_id"):
        body.pop(name, None)
    body = _each_text(body, own)
    body["title"] = f"[{MARK}] {body['title']}"[:TITLE_MAX]
    body["description"] = body["description"][:DESCRIPTION_MAX]  # addresses differ in length
    if external_id_field is not None:
        body["custom_fields"] = {**body.get("custom_fields", {}), external_id_field: key}
    body["requester_email"] = email
    updates = [
        each._replace(body=orjson.dumps(_each_text(orjson.loads(each.body), own))) for each in mapped.case_updates
    ]
    return Mapped(key, orjson.dumps(body), case_updates=tuple(updates))


def external_id_of(key: str, ledger: Ledger) -> str:
    """An external id that no row and no other try has: it names the ledger of tries and its run."""
    return f"{key_prefix(ledger)}{ledger.run}-{key}"[:KEY_MAX]


def folder_of_tries(folder: Path, *, is_trial: bool) -> Path:
    """Where the ledger of tries is: next to the ledger of the import. Trials in the embedded sandbox are kept apart."""
    return folder / (f"{MARK}-sandbox" if is_trial else MARK)


def _putting(email: str, address: str | None) -> Callable[[str], str]:
    if not address:
        return lambda text: text
    theirs = re.compile(rf"(?<![\w.%+-]){re.escape(address)}(?![\w-]|\.\w)", re.IGNORECASE)
    return lambda text: theirs.sub(lambda _: email, text)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """The same JSON with every text in it changed; keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(each, change) for each in value]
    return {key: _each_text(each, change) for key, each in value.items()} if isinstance(value, dict) else value


# -- asking for a try: "changed to resolved" is what mails to requesters are sent for ----------------------
