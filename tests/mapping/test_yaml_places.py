"""YAML is read as text with places, nothing in it can hurt, and edits keep comments."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import MappingError
from importer.files.yaml import DEPTH_MAX, Mark, NodePath, YamlProblem, mark_of, read_yaml
from importer.files.yaml_edits import Entry, amended, quoted

LITERALS = "no|yes|on|NO|true|null|~|00123|0o17|0x1F|12:30|12:30:45|1.0|1e3|1_000|2024-01-01|2024-01-01 10:00:00"
LITERALS += "|.inf|.nan|=|<<|é|日本|😀|N/A|a-b|x'y"


@pytest.mark.parametrize("text", LITERALS.split("|"))
def test_every_plain_scalar_is_its_text(text: str) -> None:
    assert read_yaml(f"a: {text}\nb: [x, {{k: {text}}}]\n{text}: c\n") == {
        "a": text,
        "b": ["x", {"k": text}],
        text: "c",
    }


def test_quoted_and_block_scalars_keep_what_they_mean() -> None:
    text = "a: 'it''s'\nb: \"x\\ny\\u00e9\"\nc: |\n  one\n   two\nd: >-\n  one\n  two\ne:\nf: ''\n"
    assert read_yaml(text) == {"a": "it's", "b": "x\nyé", "c": "one\n two\n", "d": "one two", "e": "", "f": ""}


def test_places_are_those_of_keys_and_values() -> None:
    root = read_yaml("a: 1\nb:\n  - x\n  - {c: y, d: z}\ne:\nf: x\n")
    assert mark_of(root, ("b", 1, "d")) == Mark(4, 15)
    assert mark_of(root, ("b", 1, "d"), key=True) == Mark(4, 12)
    assert mark_of(root, ("b", 1, "missing", "deeper")) == Mark(4, 5), "the nearest thing that exists"
    assert mark_of(root, ("e",)) == Mark(5, 1), "an empty value is at its key"
    assert mark_of(root, ("b",)) == Mark(2, 1), "and so is a block"
    assert mark_of(root, ()) == Mark(1, 1)


@pytest.mark.parametrize(
    ("text", "what", "mark"),
    [
        ("a:\n\tb: 1", "tab used for indentation", Mark(2, 1)),
        ("a:\t1", "tab used for indentation", Mark(1, 3)),
        ("a: x: y", "unexpected ':'", Mark(1, 5)),
        ("a: @x", "a text cannot start with '@'", Mark(1, 4)),
        ("a: [1", "'[' is not closed", Mark(1, 4)),
        ("a: 'x\n\n", "the quote ' is not closed", Mark(1, 4)),
        ("a: [x y\nb: 1", "'[' is not closed", Mark(1, 4)),
        ("a: 1\n b: 2", "the indentation does not match the lines around it", Mark(2, 2)),
        ("- a\nb: 1", "the indentation does not match the lines above", Mark(2, 1)),
        ('a: "\\q"', "'\\q' is not an escape sequence", Mark(1, 6)),
        ('a: b\nc: "\\UFFFFFFFF"', r"a \U escape in the text that follows is not a character", Mark(2, 2)),
        ('a: "\\U00110000"', r"a \U escape in the text that follows is not a character", Mark(1, 2)),
        ("é: 1\nb: \x07", "character 0x0007 is not text", Mark(2, 4)),
        ("{a: 1}: 2", "a key must be a text", Mark(1, 1)),
        ("? [a]\n: 2", "a key must be a text", Mark(1, 3)),
        ("{? {a: {b: c}} : d}", "a key must be a text", Mark(1, 1)),
        ("a: {{Subject}}", "a key must be a text", Mark(1, 5)),
        ("a: 1\n---\nb: 2", "the file contains a second YAML document", Mark(2, 1)),
        ("a: 1\nb: {a: 1, a: 2}", "duplicate key 'a'", Mark(2, 11)),
        ("a: 1\n'a': 2", "duplicate key 'a'", Mark(2, 1)),
        ("a: &x 1", "YAML anchor '&x' is not supported", Mark(1, 4)),
        ("a: *x", "YAML alias '*x' is not supported", Mark(1, 4)),
        ("a: !!str 1", "YAML tag 'tag:yaml.org,2002:str' is not supported", Mark(1, 4)),
        ("a: !!python/object/apply:os.system [x]", "YAML tag 'tag:yaml.org,2002:python/object", Mark(1, 4)),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, what: str, mark: Mark) -> None:
    with pytest.raises(YamlProblem) as caught:
        read_yaml(text)
    assert (caught.value.what[: len(what)], caught.value.mark) == (what, mark)
    assert caught.value.hint


LONG = """\
# A mapping
version: 1
source:
  key: Ticket ID
  empty: ["-", N/A]
  columns:
    Old: {optional: true}

case:
  title: Ticket Subject
  description:
    column: Ticket Description
    max: 2000
    overflow: truncate
  priority:
    column: Ticket Priority
    values:
      Low: LOW
      Critical: URGENT
    default: NORMAL
  requester_email: Customer Email
  custom_fields:
    text1: Product
    text2: {column: Ticket Status}
  notes:
    - body: Resolution
      title: {value: Resolution}
    - body:
        template: "Type: {Ticket Type}"

after_create:
  status: {column: Ticket Status, values: {Open: OPEN}}
"""
INDENTATION, QUOTED = "the indentation does not match", "text after a closing quote"


@pytest.mark.parametrize(
    ("line", "written", "what"),
    [
        (10, "    title: Ticket Subject", INDENTATION),
        (21, "      requester_email: Customer Email", INDENTATION),
        (21, "   requester_email: Customer Email", INDENTATION),
        (21, " requester_email: Customer Email", INDENTATION),
        (15, "priority:", INDENTATION),
        (13, "      max: 2000", INDENTATION),
        (13, "   max: 2000", INDENTATION),
        (26, "  - body: Resolution", INDENTATION),
        (27, "     title: {value: Resolution}", INDENTATION),
        (27, "        title: {value: Resolution}", INDENTATION),
        (13, "\t    max: 2000", "tab used for indentation"),
        (10, "  title:Ticket Subject", "a space is missing after ':'"),
        (21, "  requester_email:Customer Email", "a space is missing after ':'"),
        (13, "    max:2000", "a space is missing after ':'"),
        (18, "      Low:LOW", "a space is missing after ':'"),
        (26, "    -body: Resolution", "a space is missing after '-'"),
        (10, "  title Ticket Subject", "a ':' is missing"),
        (11, "  description", "a ':' is missing"),
        (17, "    values", "a ':' is missing"),
        (10, '  title: "Ticket Subject', 'the quote " is not closed'),
        (10, "  title: 'Ticket Subject", "the quote ' is not closed"),
        (29, '        template: "Type: {Ticket Type}', 'the quote " is not closed'),
        (18, "      'Low: LOW", "what begins here is not closed"),
        (5, '  empty: ["-", N/A', "'[' is not closed"),
        (24, "    text2: {column: Ticket Status", "'{' is not closed"),
        (32, "  status: {column: Ticket Status, values: {Open: OPEN}", "'{' is not closed"),
        (24, "    text2: {column: Ticket Status}}", "'}' closes nothing"),
        (10, '  title: "Ticket" Subject', QUOTED),
        (10, "  title: 'Customer's Subject'", QUOTED),
        (10, "  title: Ticket: Subject", "unexpected ':'"),
        (32, "  status: {column: Ticket Status values: {Open: OPEN}}", "a ',' or '}' is missing"),
    ],
)
def test_a_mistake_in_a_long_mapping_is_named_where_it_is(line: int, written: str, what: str) -> None:
    """The parser stops up to 25 lines below."""
    lines = LONG.split("\n")
    lines[line - 1] = written
    with pytest.raises(YamlProblem) as caught:
        read_yaml("\n".join(lines))
    assert (caught.value.mark.line, caught.value.what[: len(what)]) == (line, what)


def test_of_two_mistakes_the_first_is_named() -> None:
    text = LONG.replace("  title: Ticket", "  title:Ticket").replace("status: {", "status {")
    with pytest.raises(YamlProblem) as caught:
        read_yaml(text)
    assert caught.value.mark.line == 10


def test_a_key_that_slipped_into_the_block_of_another_is_named_with_its_duplicate() -> None:
    with pytest.raises(YamlProblem, match="duplicate key 'column'") as caught:
        read_yaml(LONG.replace("  priority:", "    priority:"))
    assert (caught.value.mark.line, caught.value.hint) == (
        16,
        "remove one of them, or fix the indentation: line 15 has no value",
    )


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 1_000_000,
        "{a: " * 250_000,
        "- " * 500_000,
        "? " * 500_000,
        "a: 'b\n" * 40_000,
        "case:\n" + "  a: b: c\n" * 20_000,
        "a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c, *c]\n",
        "a: &a\n  <<: *a\n",
    ],
    ids=["brackets", "braces", "dashes", "keys", "quotes", "colons", "billion laughs", "merge"],
)
def test_bombs_are_refused_quickly(bomb: str) -> None:
    begin = time.process_time()
    with pytest.raises(YamlProblem):
        read_yaml(bomb)
    assert time.process_time() - begin < 5


def test_the_deepest_nesting_that_is_allowed() -> None:
    read_yaml("[" * DEPTH_MAX + "]" * DEPTH_MAX)
    with pytest.raises(YamlProblem) as caught:
        read_yaml("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1))
    assert caught.value.mark == Mark(1, DEPTH_MAX + 1)


SIGNS = [*"ab: -[]{}#&*!|>'\"%@`,?\n\t \\0xU~<", "\n  ", "- ", ": ", "---\n", "...\n", "%TAG ! x\n", "\x00"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(SIGNS) | st.text(max_size=3), max_size=25).map("".join))
def test_no_text_at_all_is_fatal(text: str) -> None:
    with suppress(YamlProblem):
        read_yaml(text)


# -- edits -----------------------------------------------------------------------------------------

PRIORITY: NodePath = ("case", "priority")
ASAP = Entry("ASAP", "URGENT", "2 rows")
OPEN = Entry("Blocker", None, "1 row; choose: LOW, URGENT")
REMARK = "# Blocker: …  # 1 row; choose: LOW, URGENT\n"


def written(text: str, *entries: Entry, path: NodePath = PRIORITY) -> str:
    return amended(text, {path: list(entries)}, file="m.yml")


def test_lines_go_on_top_of_the_table_and_every_comment_stays_where_it_is() -> None:
    before = "case:\n  priority:\n    column: P  # mine\n    values:\n"
    after = "      # why\n      Low: LOW   # keep\n\n  # next\n  title: T\n"
    new = written(f"# top\n{before}{after}# end\n", ASAP, OPEN)
    assert new == f"# top\n{before}      ASAP: URGENT  # 2 rows\n      {REMARK}{after}# end\n"


def test_all_other_lines_stay_to_the_byte() -> None:
    """Odd spaces, folded texts, quotes, a list that is not indented, an end without a line break."""
    note = '   notes:\n   - body: {template: "a \\\n         b"}\n'
    before = f"case:\n   title:   'T'   #  mine\n{note}   priority:\n      column: P\n"
    after = "\n\n   description: >-\n      one\n\n      two   "
    new = written(f"{before}      values:\n         Low:  LOW{after}", ASAP, OPEN)
    assert new == f"{before}      values:\n         ASAP: URGENT  # 2 rows\n         {REMARK}         Low:  LOW{after}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("priority: P  # mine\n", "priority: {column: P, values: {ASAP: URGENT}}  # mine\n"),
        ("priority: {column: P}\n", "priority: {column: P, values: {ASAP: URGENT}}\n"),
        (
            'priority: {column: P, values: {Low: "LOW"}}\n',
            'priority: {column: P, values: {Low: "LOW", ASAP: URGENT}}\n',
        ),
        ("priority: {column: P, values: {}}", "priority: {column: P, values: {ASAP: URGENT}}"),
        (
            "priority: {column: P, # my\n    default: LOW,}\n",
            "priority: {column: P, # my\n    default: LOW,values: {ASAP: URGENT}}\n",
        ),
        ("priority:\n    column: P\n", "priority:\n    values:\n      ASAP: URGENT  # 2 rows\n    column: P\n"),
    ],
)
def test_a_value_without_a_table_gets_one(before: str, after: str) -> None:
    assert written(f"case:\n  {before}", ASAP) == f"case:\n  {after}"


def test_line_ends_of_windows_stay() -> None:
    new = written("case:\r\n  priority:\r\n    values:\r\n      Low: LOW\r\n    column: P\r\n", ASAP)
    assert "\r\n      ASAP: URGENT  # 2 rows\r\n      Low: LOW\r\n    column: P\r\n" in new
    assert new.count("\n") == new.count("\r\n")


TABLE = "    # values:\n      # Blocker: …  # 1 row; choose: LOW, URGENT\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("priority: P  # mine\n", f"priority:  # mine\n    column: P\n{TABLE}"),
        ("priority:\n    column: P\n", f"priority:\n{TABLE}    column: P\n"),
        ("priority:\n    column: P", f"priority:\n{TABLE}    column: P"),
        ("priority: P", f"priority:\n    column: P\n{TABLE}"),
        ("priority: {column: P}\n", f"{REMARK}  priority: {{column: P}}\n"),
        ("priority:\n    values: {Low: LOW}\n", f"{REMARK}  priority:\n    values: {{Low: LOW}}\n"),
    ],
)
def test_a_word_without_a_value_is_a_comment_where_its_line_belongs(before: str, after: str) -> None:
    """Without its `#`, and with a value, it is an entry of the table; in braces there is no place for it."""
    once = written(f"case:\n  {before}", OPEN)
    assert once == f"case:\n  {after}"
    assert written(once, OPEN) == once, "not twice"
    if "column: P}" not in after and "{Low" not in after:
        done = once.replace("# values", "values").replace("# Blocker: …", "Blocker: URGENT")
        assert read_yaml(done)["case"]["priority"] == {"column": "P", "values": {"Blocker": "URGENT"}}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("case: [", "cannot read"),
        ("case: {title: T}", "has changed"),
        ("case:\n  priority: {column: P\n    # mine,\n  }\n", "cannot edit"),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str, what: str) -> None:
    with pytest.raises(MappingError, match=what):
        written(text, ASAP)


WORDS = st.text(min_size=1, max_size=30).filter(lambda text: text == text.strip() and max(text) < "\ud800")


@given(WORDS, WORDS)
def test_any_word_survives_being_written(word: str, value: str) -> None:
    """In lines and in braces, whatever signs are in it."""
    for text in ("case:\n  p:\n    values:\n      Zz9: LOW\n", "case: {p: {values: {Zz9: LOW}}}"):
        expected: dict[str, Any] = {"Zz9": "LOW", word: value}
        assert read_yaml(written(text, Entry(word, value, ""), path=("case", "p")))["case"]["p"]["values"] == expected


@given(WORDS)
def test_a_word_is_quoted_so_that_it_is_read_back(word: str) -> None:
    assert read_yaml(f"a: {quoted(word)}") == {"a": word}
