"""Everything that a fault plan can say stands in the page about the sandbox, and its example is one."""

from __future__ import annotations

import json

import pytest
from documents import blocks, read, words_in_code

from importer.sandbox import Automation, FaultPlan, Rule
from importer.sandbox.faults import FAULTS
from importer.sandbox.operations import OPERATIONS

PAGE = read("docs/sandbox.md")


@pytest.mark.parametrize("word", sorted(FAULTS))
def test_each_fault_and_its_attributes(word: str) -> None:
    assert {word, *FAULTS[word]} - words_in_code(PAGE) == set()


def test_each_attribute_of_a_rule_and_each_operation() -> None:
    attributes = FaultPlan.model_fields.keys() | Rule.model_fields.keys() | Automation.model_fields.keys()
    assert {*attributes, *OPERATIONS} - words_in_code(PAGE) == set()


def test_the_example_is_a_fault_plan() -> None:
    (example,) = (block.text for block in blocks(PAGE) if block.language == "json")
    plan = FaultPlan.model_validate(json.loads(example))
    assert [rule.do for rule in plan.rules] == ["drop", "status", "status", "index_lag"]
