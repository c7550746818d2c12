"""Everything that a fault plan can say stands in the page about the sandbox, and its example is one."""

from __future__ import annotations

import dataclasses
import json

import pytest
from documents import blocks, read, words_in_code

from importer.sandbox import FaultPlan, Rule, plan_of
from importer.sandbox.effects import EFFECTS
from importer.sandbox.handlers import OPERATIONS

PAGE = read("docs/sandbox.md")


@pytest.mark.parametrize("word", sorted(EFFECTS))
def test_each_effect_and_its_attributes(word: str) -> None:
    attributes = {field.name for field in dataclasses.fields(EFFECTS[word])}
    assert {word, *attributes} - words_in_code(PAGE) == set()


def test_each_attribute_of_a_rule_and_each_operation() -> None:
    attributes = {field.name for kind in (FaultPlan, Rule) for field in dataclasses.fields(kind)} - {"effect"}
    assert {*attributes, *OPERATIONS} - words_in_code(PAGE) == set()


def test_the_example_is_a_fault_plan() -> None:
    (example,) = (block.text for block in blocks(PAGE) if block.language == "json")
    assert [rule.effect.name for rule in plan_of(json.loads(example)).rules] == [
        "drop",
        "status",
        "status",
        "index_lag",
    ]
