"""Saving what an account knows, against a real sandbox: whole or not at all, and patient with a bad network."""

import asyncio
import csv
import json
import stat
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from program import Program
from servers import RawServer, http, reply

from importer.cli.commands import cli
from importer.errors import ConfigError, TargetError
from importer.mapping.custom_fields import read_fields
from importer.sandbox import FaultPlan, Sandbox, SandboxOptions
from importer.sandbox.faults import Rule
from importer.settings.model import Settings
from importer.talkdesk.fields import Option
from importer.verbs.account import Saved, UnreachableError, save_fields_async, save_users_async

Save = Callable[..., Coroutine[Any, Any, Saved]]


def saved(save: Save, path: Path, **options: Any) -> Saved:
    """What was saved from a sandbox with these options."""

    async def story() -> Saved:
        async with Sandbox(SandboxOptions(static_token="t", **options)) as sandbox:
            settings = Settings(api_url=sandbox.base_url, token="t")
            return await save(path, settings=settings)

    return asyncio.run(story())


def faults(*rules: Rule) -> FaultPlan:
    return FaultPlan(rules=rules)


def test_fields_are_saved_so_that_a_mapping_can_read_them(tmp_path: Path) -> None:
    result = saved(save_fields_async, path := tmp_path / "fields.yml")
    content = path.read_bytes()
    fields = read_fields(content, "fields.yml")
    assert result == Saved(path, len(fields))
    assert b"  # Channel\n" in content
    assert fields["drop_down2"].options[0] == Option(key="001", label="Email")
    assert fields["dependent_field1"].options[0].children[0].label == "Santa Clara"
    assert not fields["text11"].active
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_active_users_of_all_pages_are_saved_in_a_table(tmp_path: Path) -> None:
    result = saved(save_users_async, path := tmp_path / "owners.csv", user_count=450)
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    assert (result.entries, result.skipped_users) == (405, 45)
    assert len({row["id"] for row in rows}) == 405
    assert [row["email"] for row in rows] == sorted(row["email"] for row in rows)


@pytest.mark.slow
def test_pages_are_read_with_the_rate_of_the_settings(tmp_path: Path) -> None:
    """Nine pages, of which no second may see more than four."""
    started = time.monotonic()

    async def story() -> None:
        async with Sandbox(SandboxOptions(static_token="t", user_count=1800)) as sandbox:
            await save_users_async(tmp_path / "u.csv", settings=Settings(api_url=sandbox.base_url, token="t", rate=4))

    asyncio.run(story())
    assert time.monotonic() - started >= 2.0


@pytest.mark.parametrize("end", ["empty page", "the last page again"])
def test_without_a_number_of_pages_all_are_read(tmp_path: Path, end: str) -> None:
    known = [{"id": f"u{number}", "email": f"u{number}@example.com", "name": "U"} for number in range(450)]
    pages = [known[:200], known[200:400], known[400:], [] if end == "empty page" else known[400:]]
    steps = [reply(http(200, {"_embedded": {"users": users}})) for users in pages]

    async def story() -> int:
        async with RawServer(*steps) as server:
            settings = Settings(api_url=server.url, token="t")
            saved = await save_users_async(tmp_path / "u.csv", settings=settings)
            assert len(server.requests) == len(pages)
            return saved.entries

    assert asyncio.run(story()) == 450


def test_a_name_that_is_a_formula_is_harmless_in_the_table_and_whole_in_a_look_up(tmp_path: Path) -> None:
    name = '=HYPERLINK("http://x;=1+1","y")'
    page = {"total_pages": 1, "_embedded": {"users": [{"id": "u1", "email": "+ana@example.com", "name": name}]}}

    async def story() -> None:
        async with RawServer(reply(http(200, page))) as server:
            await save_users_async(tmp_path / "owners.csv", settings=Settings(api_url=server.url, token="t"))

    asyncio.run(story())
    (row,) = csv.DictReader((tmp_path / "owners.csv").read_text("utf-8").splitlines())
    assert row == {"email": "'+ana@example.com", "id": "u1", "name": '\'=HYPERLINK("http://x;\'=1+1","y")'}

    (tmp_path / "t.csv").write_text("Id,Owner\n1,+ana@example.com\n", encoding="utf-8")
    (tmp_path / "m.yml").write_text(
        "version: 1\nsource: {key: Id}\nexternal_id_field: text1\ncase:\n"
        "  title: {lookup: {file: owners.csv, by: Owner, key: email, value: name}}\n"
        "  description: Owner\n  requester_email: {value: ana@example.com}\n",
        encoding="utf-8",
    )
    shown = Program(tmp_path)("preview", "t.csv", "-m", "m.yml", "--json")
    assert shown.err == ""
    assert json.loads(shown.out)["body"]["title"] == name


@pytest.mark.parametrize(
    "effect",
    [{"do": "status", "status": 503}, {"do": "status", "status": 429, "retry_after": 1}, {"do": "drop"}],
    ids=["503", "429", "cut"],
)
@pytest.mark.slow
def test_trouble_that_passes_is_waited_for(tmp_path: Path, effect: Any) -> None:
    plan = faults(Rule(**effect, on=("users", "fields"), limit=1))
    assert saved(save_users_async, tmp_path / "owners.csv", faults=plan).entries == 23


def test_what_may_not_be_read_names_the_scope_and_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "owners.csv"
    path.write_text("mine")
    with pytest.raises(TargetError) as caught:
        saved(save_users_async, path, faults=faults(Rule(do="status", status=403, on=("users",))))
    assert "users:read" in caught.value.hint
    assert path.read_text() == "mine"


def test_an_answer_of_another_kind_is_not_taken_for_an_empty_list(tmp_path: Path) -> None:
    plan = faults(Rule(do="status", status=200, on=("users", "fields")))
    for save in (save_users_async, save_fields_async):
        with pytest.raises(UnreachableError, match="unexpected response from"):
            saved(save, tmp_path / "file", faults=plan)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot write the file: No such file or directory"):
        saved(save_fields_async, tmp_path / "nowhere" / "fields.yml")


def test_the_commands_save_from_the_embedded_sandbox(tmp_path: Path) -> None:
    runner = CliRunner()
    fields, users = str(tmp_path / "fields.yml"), str(tmp_path / "owners.csv")
    said = runner.invoke(cli, ["fields", "--sandbox", "--save", fields], catch_exceptions=False).output
    assert said == f"Saved 31 custom fields to {fields}\n"
    said = runner.invoke(cli, ["users", "--sandbox", "--save", users], catch_exceptions=False).output
    assert said.splitlines() == [
        f"Saved 23 users to {users}",
        "Skipped 2 users: inactive or without an e-mail address.",
    ]
