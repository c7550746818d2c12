"""YAML is read as text with places, and nothing in it can hurt."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.problems import Mark
from importer.mapping.yaml_nodes import DEPTH_MAX, mark_of, parse, plain

LITERALS = "no|yes|on|NO|true|null|~|00123|0o17|0x1F|12:30|12:30:45|1.0|1e3|1_000|2024-01-01|2024-01-01 10:00:00"
LITERALS += "|.inf|.nan|=|<<|é|日本|😀|N/A|a-b|x'y"


@pytest.mark.parametrize(
    "text",
    LITERALS.split("|"),
)
def test_every_plain_scalar_is_its_text(text: str) -> None:
    root, problems = parse(f"a: {text}\nb: [x, {{k: {text}}}]\n{text}: c\n")
    assert problems == []
    assert root is not None
    assert plain(root) == {"a": text, "b": ["x", {"k": text}], text: "c"}


def test_quoted_and_block_scalars_keep_what_they_mean() -> None:
    root, problems = parse("a: 'it''s'\nb: \"x\\ny\\u00e9\"\nc: |\n  one\n   two\nd: >-\n  one\n  two\ne:\nf: ''\n")
    assert problems == []
    assert root is not None
    assert plain(root) == {"a": "it's", "b": "x\nyé", "c": "one\n two\n", "d": "one two", "e": "", "f": ""}


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    root, _ = parse("\ufeffversion: 1")
    assert root is not None
    assert plain(root) == {"version": "1"}


def test_places_are_those_of_keys_and_values() -> None:
    root, _ = parse("a: 1\nb:\n  - x\n  - {c: y, d: z}\n")
    assert root is not None
    assert mark_of(root, ("b", 1, "d")) == Mark(4, 15)
    assert mark_of(root, ("b", 1, "d"), key=True) == Mark(4, 12)
    assert mark_of(root, ("b", 1, "missing", "deeper")) == Mark(4, 5), "the nearest thing that exists"
    assert mark_of(root, ()) == Mark(1, 1)


@pytest.mark.parametrize(
    ("text", "what", "mark"),
    [
        ("a:\n\tb: 1", "a tab stands here", Mark(2, 1)),
        ("a:\t1", "a tab stands here", Mark(1, 3)),
        ("a: x: y", "a ':' is not expected here", Mark(1, 5)),
        ("a: @x", "a text cannot begin with '@'", Mark(1, 4)),
        ("a: %x", "a text cannot begin with '%'", Mark(1, 4)),
        ("a: [1", "the file ends too early", Mark(1, 6)),
        ("a: 'x\n\n", "the file ends too early", Mark(3, 1)),
        ("a: [x y\nb: 1", "a ',' or ']' is missing", Mark(2, 2)),
        ("a: 1\n b: 2", "a ':' is not expected here", Mark(2, 3)),
        ("- a\nb: 1", "the indentation does not fit the lines above", Mark(2, 1)),
        ('a: "\\q"', "'\\q' means nothing in double quotes", Mark(1, 6)),
        ('a: b\nc: "\\UFFFFFFFF"', r"a \U escape in the text that follows names no character", Mark(2, 2)),
        ('a: "\\U00110000"', r"a \U escape in the text that follows names no character", Mark(1, 2)),
        ("é: 1\nb: \x07", "a mapping is text, and this is character 0x0007", Mark(2, 4)),
        ("a: \x00", "a mapping is text, and this is character 0x0000", Mark(1, 4)),
        ("{a: 1}: 2", "a key must be a text", Mark(1, 1)),
        ("? [a]\n: 2", "a key must be a text", Mark(1, 3)),
        ("a: {{Subject}}", "a key must be a text", Mark(1, 5)),
        ("a: 1\n---\nb: 2", "a second document begins here", Mark(2, 1)),
        ("a: 1\nb: {a: 1, a: 2}", "key 'a' occurs twice", Mark(2, 11)),
        ("a: 1\n'a': 2", "key 'a' occurs twice", Mark(2, 1)),
        ("a: &x 1", "anchor '&x' is not allowed", Mark(1, 4)),
        ("a: *x", "alias '*x' is not allowed", Mark(1, 4)),
        ("a: !!str 1", "tag 'tag:yaml.org,2002:str' is not allowed", Mark(1, 4)),
        ("a: !x [1]", "tag '!x' is not allowed", Mark(1, 4)),
        (
            "a: !!python/object/apply:os.system [x]",
            "tag 'tag:yaml.org,2002:python/object/apply:os.system' is n",
            Mark(1, 4),
        ),
    ],
)
def test_what_is_no_mapping_text_is_named_with_its_place(text: str, what: str, mark: Mark) -> None:
    _, problems = parse(text)
    assert [(problem.what[: len(what)], problem.mark) for problem in problems] == [(what, mark)]
    assert problems[0].hint


def test_several_problems_are_reported_at_once() -> None:
    _, problems = parse("a: &x 1\nb: *x\nb: !!int 2\n")
    assert [problem.mark for problem in problems] == [Mark(1, 4), Mark(2, 4), Mark(3, 4), Mark(3, 1)]


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 1_000_000,
        "{a: " * 250_000,
        "- " * 500_000,
        "[\n" * 500_000,
        "? " * 500_000,
        "a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c, *c]\n",
        "a: &a [*a]\n",
        "a: &a\n  <<: *a\n",
    ],
    ids=["brackets", "braces", "dashes", "lines", "keys", "billion laughs", "self", "merge"],
)
def test_bombs_are_refused_quickly(bomb: str) -> None:
    begin = time.perf_counter()
    _, problems = parse(bomb)
    assert problems
    assert time.perf_counter() - begin < 5


def test_the_deepest_nesting_that_is_allowed() -> None:
    assert parse("[" * DEPTH_MAX + "]" * DEPTH_MAX)[1] == []
    _, problems = parse("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1))
    assert [problem.mark for problem in problems] == [Mark(1, DEPTH_MAX + 1)]


YAML_LIKE = st.lists(
    st.sampled_from(
        [*"ab: -[]{}#&*!|>'\"%@`,?\n\t \\0xU~<", "\n  ", "- ", ": ", "---\n", "...\n", "%TAG ! x\n", "\x00"]
    )
    | st.text(max_size=3),
    max_size=25,
).map("".join)


@given(YAML_LIKE)
def test_no_text_at_all_is_fatal(text: str) -> None:
    root, problems = parse(text)
    assert problems or root is None or plain(root) is not None
    assert all(problem.mark >= Mark(1, 1) for problem in problems)
