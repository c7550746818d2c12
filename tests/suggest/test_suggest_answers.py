"""A person corrects a suggestion without editing YAML, and asks why; the profile remembers what was said."""

import json
import re
from pathlib import Path

import pytest
from program import Program

EXPORT = """id,Fecha,sede,usuario,asunto,texto,prioridad,estado,horas
""" + "".join(
    f"{n},2025-06-{n:02},{'Lima' if n % 2 else 'Cusco'},Ana Paz,IMPRESORA {n},No imprime nada {n},Alta,cerrado,{n}.5\n"
    for n in range(1, 13)
)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text(EXPORT, encoding="utf-8")
    return path


def table_of(out: str) -> dict[str, tuple[str, str]]:
    """Column → field and how sure it is, of the columns in the table."""
    found = re.findall(r"^  (\S+)  +(\S+(?: \(\w+\))?) +(sure|guess|check) ", out, re.MULTILINE)
    return {column: (field, sure) for column, field, sure in found}


def test_answers_are_written_and_remembered(program: Program, export: Path, tmp_path: Path) -> None:
    first = program("suggest", export, "-o", "m.yml")
    assert all(len(line) <= 200 for line in first.out.splitlines())
    assert table_of(first.out)["usuario"] == ("requester_name", "guess")
    (tmp_path / "a.txt").write_text("# mine\nsede = label\nusuario = unused\nhoras = text9\n", encoding="utf-8")
    second = program("suggest", export, "-o", "m.yml", "--answers", "a.txt", "--force")
    assert second.code == 0, second.err
    table = table_of(second.out)
    assert (table["sede"], table["usuario"], table["horas"]) == (
        ("text3 (label)", "sure"),
        ("unused", "sure"),
        ("text9", "sure"),
    )
    mapping = (tmp_path / "m.yml").read_text("utf-8")
    assert "requester_name" not in mapping
    assert program("check", export, "--mapping", "m.yml").code == 0
    # the next one starts from what was said, as far as the columns are what they were
    export.write_text(EXPORT.replace("Lima", "2025-01-01").replace("Cusco", "2025-01-02"), encoding="utf-8")
    third = program("suggest", export, "-o", "m.yml", "--force")
    assert "'sede' had short texts, now dates; its answer no longer counts" in third.out
    assert table_of(third.out)["usuario"] == ("unused", "sure")
    assert "sede" not in table_of(third.out)


def test_answers_about_columns_of_another_export_do_not_count(program: Program, export: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("sede = label\n", encoding="utf-8")
    assert program("suggest", export, "-o", "m.yml", "--answers", "a.txt").code == 0
    (tmp_path / "other.csv").write_text("ID,Subject\n1,Hi\n2,Ho\n", encoding="utf-8")
    for _ in range(2):
        other = program("suggest", "other.csv", "-o", "m.yml", "--force")
        assert other.code == 0, other.err


def test_the_profile_is_a_baseline(program: Program, export: Path, tmp_path: Path) -> None:
    program("suggest", export, "-o", "m.yml")
    profile = json.loads((tmp_path / "m.profile.json").read_text("utf-8"))
    kinds = {column["column"]: (column["kind"], column["field"]) for column in profile["columns"]}
    assert kinds["Fecha"] == ("dates", "created")
    again = ("check", export, "--mapping", "m.yml", "--baseline", "m.profile.json")
    assert program(*again).code == 0
    export.write_text(EXPORT.replace("Ana Paz", "12").replace("cerrado", "abierto"), encoding="utf-8")
    changed = program(*again)
    assert changed.code == 12
    assert "usuario had short texts, now numbers" in changed.out


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("sede", "a.txt:1: 'sede' is not an answer"),
        ("sede = titel", "did you mean 'title'?"),
        ("sedo = title", "did you mean 'sede'?"),
        ("sede = title\nasunto = title", "two columns are answered with 'title'"),
    ],
)
def test_a_wrong_answer_is_said(answers: str, message: str, program: Program, export: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(answers, encoding="utf-8")
    done = program("suggest", export, "--answers", "a.txt")
    assert (done.code, message in done.err) == (2, True), done.err


def test_explain_says_what_speaks_for_and_against(program: Program, export: Path) -> None:
    done = program("suggest", export, "--explain", "ESTADO")
    assert done.out.startswith("estado → status, a guess\n")
    assert "for      words of a status, such as 'cerrado'" in done.out
    hours = program("suggest", export, "--explain", "horas").out
    assert "'horas' in its name says that it measures something" in hours
    place = program("suggest", export, "--explain", "sede").out
    assert "title: 0 points\n  against  'sede' in its name says that it is about something else" in place
    assert program("suggest", export, "--explain", "hours").code == 2


def test_an_answer_is_called_one_and_doubted_where_the_cells_speak_against_it(
    program: Program, export: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("sede = checkbox\nestado = unused\nusuario = label\n", encoding="utf-8")
    assert program("suggest", export, "-o", "m.yml", "--answers", "a.txt").code == 0
    mapping = (tmp_path / "m.yml").read_text("utf-8")
    assert "CHECK: its cells do not say yes or no" in mapping
    assert "yes/no values" not in mapping
    assert "`usuario`, as you answered." in mapping
    assert "replace the numbers in date1, text2, checkbox1 with those" in mapping
    fixed = mapping.replace("sede, type: boolean", "sede, type: boolean, values: {Lima: 'true', Cusco: 'false'}")
    (tmp_path / "m.yml").write_text(fixed, encoding="utf-8")
    assert program("check", export, "--mapping", "m.yml").code == 0


def test_all_wrong_answers_are_said_with_their_lines(program: Program, export: Path, tmp_path: Path) -> None:
    wrong = [
        "fecah = created",
        "sede = titel",
        "# mine",
        "sede = label",
        "Fecha = numeric1",
        "Prioritad = priority",
        "x",
    ]
    (tmp_path / "a.txt").write_text("\n".join(wrong), encoding="utf-8")
    done = program("suggest", export, "-o", "m.yml", "--answers", "a.txt")
    assert (done.code, done.err.count("a.txt:")) == (2, 5)
    found = [line.removeprefix("error: ") for line in done.err.splitlines() if "a.txt:" in line]
    assert found == [
        "a.txt:1: the export has no column 'fecah'",
        "a.txt:2: unknown field 'titel'",
        "a.txt:5: numeric1 does not accept dates, but 'Fecha' contains dates",
        "a.txt:6: the export has no column 'Prioritad'",
        "a.txt:7: 'x' is not an answer",
    ]
    assert "did you mean 'Fecha'?" in done.err
    assert not (tmp_path / "m.yml").exists()


@pytest.mark.parametrize("field", ["numeric1", "checkbox1", "decimal1", "multi_select1", "dependent_field1"])
def test_dates_go_into_fields_that_accept_them(field: str, program: Program, export: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"Fecha = {field}\n", encoding="utf-8")
    done = program("suggest", export, "--answers", "a.txt")
    assert (done.code, done.err.startswith(f"error: a.txt:1: {field} does not accept dates")) == (2, True), done.err


def test_the_table_says_what_the_file_writes(program: Program, export: Path, tmp_path: Path) -> None:
    done = program("suggest", export, "-o", "m.yml")
    table, mapping = table_of(done.out), (tmp_path / "m.yml").read_text("utf-8")
    assert table["estado"] == ("text2 (status)", "guess")
    assert "text2: estado" in mapping
    assert table["Fecha"][0] == "date1 (created)"
    assert "(no e-mail column)  requester_email    check  requesters will have no address" in done.out
    marks = [mark for _, mark in re.findall(r"^  (\S.*?)  +\S.* (guess|check)  ", done.out, re.MULTILINE)]
    counted = f"({marks.count('guess')} and {marks.count('check')} in the table below)."
    total = f"Wrote m.yml: {mapping.count('GUESS: ')} guesses, {mapping.count('CHECK: ')} lines to check "
    assert done.out.startswith(total + counted)
    assert "Wrote m.profile.json: " in done.out


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("sede = text1", "a.txt:1: 'text1' is used for the external id"),
        ("sede = drop_down1\nhoras = dropdown1", "a.txt:2: two columns are answered with 'dropdown1'"),
    ],
)
def test_a_custom_field_that_is_taken_is_named_with_its_line(
    program: Program, export: Path, tmp_path: Path, answers: str, message: str
) -> None:
    (tmp_path / "a.txt").write_text(answers, encoding="utf-8")
    refused = program("suggest", export, "-o", "m.yml", "--answers", "a.txt")
    assert refused.code == 2
    assert message in refused.err
    assert not (tmp_path / "m.yml").exists()


def test_an_answer_takes_a_field_from_the_column_that_had_it(program: Program, export: Path, tmp_path: Path) -> None:
    answers = tmp_path / "a.txt"
    answers.write_text("sede = title\nhoras = drop_down5\n", encoding="utf-8")
    assert program("suggest", export, "-o", "m.yml", "--answers", answers).code == 0
    answers.write_text("asunto = title\nusuario = dropdown5\n", encoding="utf-8")
    second = program("suggest", export, "-o", "m.yml", "--answers", answers, "--force")
    assert second.code == 0, second.err
    assert table_of(second.out)["asunto"] == ("title", "sure")
    mapping = (tmp_path / "m.yml").read_text("utf-8")
    assert "{sede}" in mapping
    assert "{horas}" in mapping  # not lost
    saved = json.loads((tmp_path / "m.profile.json").read_text("utf-8"))["answers"]
    assert saved == {"asunto": "title", "usuario": "dropdown5"}
