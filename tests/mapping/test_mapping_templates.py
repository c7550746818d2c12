"""Templates are plain text with columns in it, and nothing in a cell is ever a template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.problems import Malformed
from importer.mapping.sources import Template, parse_template


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("{A}", Template("%s", ("A",))),
        ("{A} and {A}", Template("%s and %s", ("A", "A"))),
        ("{{}} {A}", Template("{} %s", ("A",))),
        ("{{{A}}}", Template("{%s}", ("A",))),
        ("{{{{{A}", Template("{{%s", ("A",))),
        ("5% %s {A}", Template("5%% %%s %s", ("A",))),
        ("{A.__class__} {A!r:>9} {0} {%s}", Template("%s %s %s %s", ("A.__class__", "A!r:>9", "0", "%s"))),
        ("{ A }\n", Template("%s\n", (" A ",))),
    ],
)
def test_a_template_taken_apart(text: str, template: Template) -> None:
    assert parse_template(text) == template


@pytest.mark.parametrize(
    "text", ["", "no column", "{", "}", "{A", "A}", "{A}}", "{{A}", "{A{B}}", "{}", "{{}}", "{A} }"]
)
def test_a_malformed_template(text: str) -> None:
    with pytest.raises(Malformed):
        parse_template(text)


@given(st.lists(st.text(), min_size=1), st.text())
def test_literal_text_and_cells_come_out_as_they_went_in(literals: list[str], cell: str) -> None:
    written = "{A}".join(text.replace("{", "{{").replace("}", "}}") for text in [*literals, ""])
    template = parse_template(written)
    assert template.frame % ((cell,) * len(template.columns)) == cell.join([*literals, ""])
