"""`lookup:`: what another file says about the cells of a row."""

from pathlib import Path

import orjson
import pytest
from mapping_files import CASE, Bind, Load

from importer.errors import MappingError
from importer.mapping import load_mapping
from importer.models import Row

FILE = "email,id,odd\nana@e.org,1,LOW\n bo@e.org ,2,\ncy@e.org,3,HIGH\ncy@e.org,3,LOW\ncy@e.org,4,LOW\n,9,LOW\n"


@pytest.fixture(autouse=True)
def owners(tmp_path: Path) -> Path:
    path = tmp_path / "o.csv"
    path.write_text(FILE)
    return path


def owner(more: str = "", after: str = "") -> str:
    return CASE + f"  owner_id: {{lookup: {{file: o.csv, key: email, by: A, value: id{more}}}{after}}}\n"


@pytest.mark.parametrize(
    ("text", "cell", "found"),
    [
        (owner(), " ana@e.org ", "1"),
        (owner(), "bo@e.org", "2"),
        (owner(), "ANA@e.org", "not_found"),
        (owner(", ignore: case"), "ANA@e.org", "1"),
        (owner(", ignore: blanks"), "ana @e.org", "1"),
        (owner(), "x", "not_found"),
        (owner(", none: empty", ", default: z"), "x", None),
        (owner(", none: empty", ", required: true"), "x", "missing"),
        (owner(", none: default", ", default: z"), "x", "z"),
        (owner(), " ", None),
        (owner("", ", default: z"), "", "z"),
        (owner("", ", required: true"), "", "missing"),
        (owner(), "cy@e.org", "several_found"),
        (owner(", several: first"), "cy@e.org", "3"),
        (owner("", ", values: {1: one}"), "ana@e.org", "one"),
        (owner("", ", values: {7: one}"), "ana@e.org", "unknown_value"),
        (owner("", ", when: \"A != 'ana@e.org'\""), "ana@e.org", None),
    ],
)
def test_what_is_found(bind: Bind, text: str, cell: str, found: str | None) -> None:
    mapped = bind(text, "ID|T|D|A").apply(Row(2, ("1", "T", "D", cell)))
    if mapped.body is None:
        assert [(error.code, error.column, error.value) for error in mapped.errors] == [(found, "A", cell.strip())]
    else:
        assert orjson.loads(mapped.body).get("owner_id") == found


@pytest.mark.parametrize("cell", ["+351", "'+351"])
@pytest.mark.parametrize("written", ["+351", "'+351"])
def test_an_apostrophe_before_a_formula_is_no_part_of_a_cell(bind: Bind, owners: Path, written: str, cell: str) -> None:
    owners.write_text(f"email,id\n{written},'-7\n")
    mapped = bind(owner(), "ID|T|D|A").apply(Row(2, ("1", "T", "D", cell)))
    assert orjson.loads(mapped.body or b"{}").get("owner_id") == "-7"


def test_an_entry_that_says_nothing_is_no_value(bind: Bind) -> None:
    text = CASE + "  priority: {lookup: {file: o.csv, key: email, value: odd}, default: NORMAL}\n"
    mapped = bind(text, "ID|T|D|email").apply(Row(2, ("1", "T", "D", "bo@e.org")))
    assert orjson.loads(mapped.body or b"")["priority"] == "NORMAL"


def test_the_columns_are_used_and_must_exist(bind: Bind) -> None:
    assert bind(owner(), "ID|T|D|A").columns_used == {"ID", "T", "D", "A"}
    with pytest.raises(MappingError, match=r"m.yml:6:52: the export has no column 'A'"):
        bind(owner(), "ID|T|D|B")
    with pytest.raises(MappingError, match=r"m.yml:6:41: the export has no column 'email'"):
        bind(owner().replace(" by: A,", ""), "ID|T|D|A")


def test_a_file_whose_rows_all_lack_a_cell_is_not_guessed_at(bind: Bind, owners: Path) -> None:
    owners.write_text("email,alias,id\nana@e.org,-7\nbo@e.org,-8\n")
    with pytest.raises(MappingError, match="every row ends before the column 'id'"):
        bind(owner(), "ID|T|D|A")


def test_several_columns_are_one_key(bind: Bind, owners: Path) -> None:
    owners.write_text("a,b,c\n1,2,x\n12,,y\n")
    text = (
        CASE + "  requester_name: {lookup: {file: o.csv, key: [a, b], by: [A, {column: B, occurrence: 2}], value: c}}\n"
    )
    mapper = bind(text, "ID|T|D|A|B|B")
    found = [mapper.apply(Row(2, ("1", "T", "D", a, "", b))) for a, b in [("1", "2"), ("12", ""), ("", "")]]
    assert [orjson.loads(mapped.body or b"").get("requester_name") for mapped in found] == ["x", "y", None]
    (error,) = mapper.apply(Row(2, ("1", "T", "D", "2", "", "1"))).errors
    assert (error.code, error.column, error.value) == ("not_found", "A", "2 / 1")


def test_a_list_is_taken_apart_behind_the_look_up_and_notes_look_up_too(bind: Bind, owners: Path) -> None:
    owners.write_text('a,b\nx,"1,2"\n')
    lookup = "{lookup: {file: o.csv, key: a, value: b}}"
    text = CASE + f"  custom_fields: {{multi_select1: {lookup}}}\n  notes: [{{body: {lookup}}}]\n"
    body = orjson.loads(bind(text, "ID|T|D|a").apply(Row(2, ("1", "T", "D", "x"))).body or b"")
    assert (body["custom_fields"]["multi_select1"], body["notes"][0]["note_body"]) == (["1", "2"], "1,2")


def test_a_file_in_another_folder_is_found_from_the_folder_of_the_mapping(load: Load, tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "m.yml").write_text(owner().replace("o.csv", "../o.csv"))
    load_mapping(folder / "m.yml", allow_files=[tmp_path])
    with pytest.raises(MappingError, match=r"m.yml:6:29: the mapping may not read '../o.csv'"):
        load_mapping(folder / "m.yml")


def test_a_change_of_the_file_is_a_change_of_the_mapping(load: Load, owners: Path) -> None:
    before = load(owner()).sha256
    assert load(owner()).sha256 == before
    owners.write_text(FILE + "dee@e.org,7,LOW\n")
    assert load(owner()).sha256 != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "m.yml:6:29: cannot use the lookup file: o.csv: the file is empty"),
        (b"email,id\n", "m.yml:6:29: 'o.csv' has no row with a key"),
        (b"email,id\n,7\n", "m.yml:6:29: 'o.csv' has no row with a key"),
        (b"mail,id\na,7\n", "m.yml:6:41: o.csv has no column 'email'\n  hint: did you mean 'mail'?"),
        (b"email,name\na,7\n", "m.yml:6:62: o.csv has no column 'id'"),
        (b"email,email,id\na,b,7\n", "m.yml:6:41: o.csv has 2 columns named 'email'"),
        (b"email,id\na,7\nb\n", "m.yml:6:29: cannot use the lookup file: o.csv:3:"),
        (b'email,id\na,"7\n', "m.yml:6:29: cannot use the lookup file: o.csv:2: the row that begins"),
        (b"email,id\nana\xe9,7\n", "`encoding:`"),
    ],
)
def test_a_file_that_is_no_good(load: Load, owners: Path, content: bytes, message: str) -> None:
    owners.write_bytes(content)
    with pytest.raises(MappingError) as caught:
        load(owner())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (owner().replace("o.csv", "no.csv"), "m.yml:6:29: file not found: 'no.csv'"),
        (owner().replace("o.csv", "."), "m.yml:6:29: '.' is not a file"),
        (owner().replace("o.csv", "''"), "m.yml:6:29: expected a text"),
        (owner().replace("value: id", "vale: id"), "m.yml:6:55: unknown key 'vale' in `case.owner_id.lookup`"),
        (owner(", none: maybe"), "m.yml:6:72: 'maybe' is not a valid value"),
        (owner(", none: default"), "m.yml:6:14: `none: default` requires `default`"),
        (
            owner().replace("key: email", "key: [email, id]"),
            "m.yml:6:14: `key` has 2 columns, but `by` has 1",
        ),
        (owner("", ", column: A"), "m.yml:6:13: `column` and `lookup` cannot be used together"),
        (owner(", encoding: utf-99"), "cannot use the lookup file: o.csv: unknown encoding 'utf-99'"),
    ],
)
def test_a_look_up_that_makes_no_sense(load: Load, text: str, message: str) -> None:
    with pytest.raises(MappingError) as caught:
        load(text)
    assert message in str(caught.value)
