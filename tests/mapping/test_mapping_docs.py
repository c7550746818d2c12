"""docs/mapping.md: every key, type and error code is there; its examples are run in test_mapping_docs_verbs."""

import re
import tomllib

from mapping_page import EXAMPLES, PACKAGE, PAGE

from importer.ledger.parents import CODES as LINK_CODES
from importer.mapping import json_schema
from importer.mapping.converters import BOOLEAN_WORDS, TYPES


def test_every_example_was_found() -> None:
    assert len(EXAMPLES) == PAGE.count("```yaml\n") > 25


def keys() -> set[str]:
    schema = json_schema()
    return {key for owner in (schema, *schema["$defs"].values()) for key in owner["properties"]}


def test_every_key_is_described_and_has_an_example() -> None:
    examples = "\n".join(example.text for example in EXAMPLES)
    assert {key for key in keys() if f"`{key}`" not in PAGE} == set()
    assert {key for key in keys() if not re.search(rf"\b{key}:", examples)} == set()


def test_every_type_is_described() -> None:
    assert {name for name in TYPES if not re.search(rf"^###.*`type: {name}`", PAGE, re.M)} == set()


def test_the_words_for_yes_and_no_are_listed() -> None:
    lines = {f"| {language} | {' '.join(yes)} | {' '.join(no)} |" for language, (yes, no) in BOOLEAN_WORDS.items()}
    assert lines - set(PAGE.splitlines()) == set()


def test_no_word_means_both_yes_and_no() -> None:
    yes = {word for words, _ in BOOLEAN_WORDS.values() for word in words}
    no = {word for _, words in BOOLEAN_WORDS.values() for word in words}
    assert not yes & no
    assert all(word == word.casefold() for word in yes | no)


def test_every_error_code_is_listed() -> None:
    texts = tomllib.loads((PACKAGE / "mapping" / "cell_errors.toml").read_text("utf-8"))
    code = re.compile(r'(?:FieldError\(|_bad_row\([^,]+, |code, hint = |CellProblem\([\w.]+(?:\(\))?, )"(\w+)"')
    of_reader = {found for file in (PACKAGE / "reader").glob("*.py") for found in code.findall(file.read_text("utf-8"))}
    codes = {text.get("code", name) for name, text in texts.items()} - {"not_accepted"} | {"field_count"} | LINK_CODES
    assert codes | of_reader == {
        code
        for row in re.findall(r"^\| (`.*?) \|", PAGE.split("## Errors")[1], re.M)
        for code in re.findall(r"`(\w+)`", row)
    }
