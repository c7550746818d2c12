"""Which row is above which: against a model that knows nothing of SQL, and holds everything in its head."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import case_body, do, mark_one, memory, settle_one, stage

from importer.ledger import Ledger
from importer.ledger.records import Outcome, StagedRow
from importer.models import FieldError, Link, Links, Mapped, Row, State

KEYS = "ABCDEFGHIJKL"
ERRORS = (FieldError("too_long", "Subject", "x", "at most 150 characters", "shorten it", "title"),)


def child(key: str, parent: str | None = None, *, name: str | None = None, row: int = 2, fits: bool = True) -> Any:
    """A row that names the row above it."""
    body, errors = (case_body(key), ()) if fits else (None, ERRORS)
    return StagedRow(Row(row, (key, "x")), Mapped(key, body, errors, link=Link(name, parent)))


def standing(ledger: Ledger) -> dict[str, tuple[str, str | None]]:
    """Key → state, and the key of the row that its case is, or will be, below."""
    query = "SELECT key, state, parent_key FROM record LEFT JOIN link ON link.record = record.id ORDER BY record.id"
    return {key: (state, above) for key, state, above in ledger.connection.execute(query)}


def code_of(ledger: Ledger, key: str) -> str | None:
    row = ledger.connection.execute("SELECT code FROM record WHERE key = ? ORDER BY id DESC", (key,)).fetchone()
    return None if row is None else row[0]


# -- the model ------------------------------------------------------------------------------------------


@dataclass
class Node:
    """One row: what it names, and what is known of it."""

    name: str | None
    parent: str | None
    policy: Links
    state: str
    above: str | None = None
    code: str | None = None


@dataclass
class Model:
    """All rows of a ledger in a dict."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def read(self, rows: list[tuple[str, str | None, str | None, bool]], policy: Links) -> None:
        for key, name, parent, fits in rows:
            state = ("waiting" if parent else "pending") if fits else "invalid"
            self.nodes[key] = Node(name, parent, policy, state)
        open_ones = {key for key, node in self.nodes.items() if node.parent and node.state in ("waiting", "invalid")}
        named = {key: self.named(self.nodes[key]) for key in open_ones}
        cycle = {key for key in open_ones if self.returns(key, named)}
        for key in [key for key in self.nodes if key in open_ones and self.nodes[key].state == "waiting"]:
            self.decide(key, named, cycle, self.depths(named, cycle))

    def named(self, node: Node) -> str | None:
        if node.name is None:
            return node.parent if node.parent in self.nodes else None
        return next((key for key, other in self.nodes.items() if other.name == node.parent), None)

    @staticmethod
    def returns(key: str, named: dict[str, str | None]) -> bool:
        here = named[key]
        for _ in named:
            if here == key:
                return True
            here = named.get(here or "")
        return False

    def depths(self, named: dict[str, str | None], cycle: set[str]) -> dict[str, tuple[int, str]]:
        """Depth of each row as it stands in the file, and the topmost row above it."""

        def place(key: str) -> tuple[int, str]:
            if key not in named:
                above = self.old[key]
                return (1, key) if above is None else (2, above)
            up = named[key]
            if up is None or key in cycle:
                return 1, key
            depth, top = place(up)
            if up in named and depth > 2 and self.nodes[up].policy.deep != "reject":
                depth, top = (1, up) if self.nodes[up].policy.deep == "drop" else (2, top)
            return depth + 1, top

        self.old = {key: node.above for key, node in self.nodes.items()}
        return {key: place(key) for key in named}

    def decide(
        self, key: str, named: dict[str, str | None], cycle: set[str], depths: dict[str, tuple[int, str]]
    ) -> None:
        node, policy = self.nodes[key], self.nodes[key].policy
        node.code, what = None, ""
        if named[key] is None:
            node.code, what = "missing_parent", policy.missing
        elif key in cycle:
            node.code, what = "parent_cycle", policy.cycle
        elif depths[key][0] > 2:
            node.code, what = "parent_too_deep", policy.deep
        node.above = named[key] if node.code is None else depths[key][1] if what == "root" else None
        node.state = {"": "waiting", "root": "waiting", "drop": "pending", "reject": "invalid"}[what]
        above = self.nodes.get(node.above or "")
        if node.state == "waiting" and above is not None and above.state == "created":
            node.state = "pending"

    def create(self, keys: set[str]) -> None:
        """Cases are made of these rows, and of the children that they let go."""
        for key in keys:
            self.nodes[key].state = "created"
        for node in self.nodes.values():
            if node.state == "waiting" and node.above in keys:
                node.state = "pending"


NAMES = st.sampled_from(["1", "2", "3", "4", "5", ""])
POLICIES = st.builds(
    Links,
    st.just("P"),
    st.sampled_from(["reject", "drop"]),
    st.sampled_from(["reject", "drop"]),
    st.sampled_from(["reject", "drop", "root"]),
)


@st.composite
def files(draw: st.DrawFn) -> list[tuple[list[tuple[str, str | None, str | None, bool]], Links, set[str]]]:
    """Some files with keys of their own, and which of the rows that may be sent become cases behind each."""
    keys, found = list(KEYS), []
    for _ in range(draw(st.integers(1, 3))):
        by_key = draw(st.booleans())
        own = [keys.pop(0) for _ in range(draw(st.integers(1, len(KEYS) // 2 if len(keys) == len(KEYS) else 3)))]
        known = KEYS[: len(KEYS) - len(keys)]
        nobody = "?" if draw(st.booleans()) else None
        parents = st.sampled_from([None, nobody, *known] if by_key else [None, nobody, "1", "2", "3", "4", "5"])
        rows = [(key, None if by_key else draw(NAMES), draw(parents), draw(st.integers(0, 5)) > 0) for key in own]
        if by_key and draw(st.booleans()):  # a long chain, which luck would hardly make
            above = dict(zip(own, draw(st.permutations(own)), strict=True))
            rows = [
                (key, name, above[key] if draw(st.integers(0, 3)) else parent, fits) for key, name, parent, fits in rows
            ]
        found.append((rows, draw(POLICIES), draw(st.sets(st.sampled_from(KEYS)))))
    return found


@given(files())
def test_the_ledger_places_every_row_as_the_model_does(story: Any) -> None:
    model = Model()
    with (
        tempfile.TemporaryDirectory(dir=memory()) as folder,
        Ledger(Path(folder, "ledger.db"), verb="run") as ledger,
    ):
        for rows, policy, to_create in story:
            stage(ledger, [child(key, parent, name=name, fits=fits) for key, name, parent, fits in rows], links=policy)
            model.read(rows, policy)
            wanted = {key: (node.state, node.above) for key, node in model.nodes.items()}
            assert standing(ledger) == wanted, story
            assert {
                key: code_of(ledger, key) for key, node in model.nodes.items() if node.code and node.state == "invalid"
            } == {key: node.code for key, node in model.nodes.items() if node.code and node.state == "invalid"}
            become = {key for key in to_create if key in model.nodes and model.nodes[key].state == "pending"}
            for key in become:
                create(ledger, key)
            model.create(become)
            assert {key: state for key, (state, _) in standing(ledger).items()} == {
                key: node.state for key, node in model.nodes.items()
            }
        _assert_bodies_name_their_parents(ledger)


def create(ledger: Ledger, key: str) -> None:
    """The server makes a case of a row."""
    (number,) = ledger.connection.execute(
        "SELECT id FROM record WHERE key = ? AND state = 'pending'", (key,)
    ).fetchone()
    do(ledger, lambda: mark_one(ledger, number))
    do(ledger, lambda: settle_one(ledger, number, State.SENDING, Outcome(State.CREATED, f"case {key}")))


def _assert_bodies_name_their_parents(ledger: Ledger) -> None:
    query = """SELECT key, body, parent_key FROM record JOIN content ON content.record = record.id
        LEFT JOIN link ON link.record = record.id WHERE state IN ('pending', 'created')"""
    for key, body, above in ledger.connection.execute(query):
        assert orjson.loads(body).get("parent_id") == (f"case {above}" if above else None), key


@pytest.mark.parametrize("shape", ["chain", "cycle", "star"])
def test_the_length_of_a_chain_costs_no_recursion(ledger: Ledger, shape: str) -> None:
    count = 3000
    above = {
        "chain": lambda number: f"K{number + 1}" if number < count - 1 else None,
        "cycle": lambda number: f"K{(number + 1) % count}",
        "star": lambda number: "K0" if number else None,
    }[shape]
    stage(ledger, [child(f"K{number}", above(number)) for number in range(count)], links=Links("P", deep="root"))
    assert (
        dict(ledger.counts())
        == {
            "chain": {State.PENDING: 1, State.WAITING: count - 1},
            "cycle": {State.INVALID: count},
            "star": {State.PENDING: 1, State.WAITING: count - 1},
        }[shape]
    )
