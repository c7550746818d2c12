"""Promise P13: a mapping reads files below its own folder or the export's only, unless its user allows more."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from program import Program
from tickets import MAPPING, tickets, write_tickets

from importer import MappingError, check

pytestmark = pytest.mark.slow

PRIVATE = "canary-9f3e1c77"
#: What names a file, by the way in which it is named.
WAYS = {
    "fields": "fields: {file}\n" + MAPPING,
    "lookup": MAPPING + "  owner_id: {lookup: {file: {file}, key: id, by: Id, value: name, none: empty}}\n",
    "notes": MAPPING + "  notes: [{each: {file: {file}, key: id}, body: name}]\n",
}
CONTENT = {
    "fields": "version: 1\nfields: {text1: {name: Key}}\n",
    "lookup": "id,name\nT-1,ana\n",
    "notes": "id,name\nT-1,ana\n",
}


class Folders:
    """Export, mapping and the private file, each in a folder that is not below another one."""

    def __init__(self, local: Program, way: str) -> None:
        self.way = way
        self.program = local
        self.export, self.mapping, self.private = (local.folder / name for name in ("export", "mapping", "private"))
        for folder in (self.export, self.mapping, self.private):
            folder.mkdir()
        write_tickets(self.export / "t.csv", tickets(1))
        (self.private / "x.txt").write_text(CONTENT[way], encoding="utf-8")

    def name(self, file: str) -> list[str]:
        """The arguments of a command with a mapping that names this file."""
        text = WAYS[self.way].replace("{file}", file)
        (self.mapping / "m.yml").write_text(text, encoding="utf-8")
        return ["export/t.csv", "-m", "mapping/m.yml"]


@pytest.fixture(params=sorted(WAYS))
def folders(request: pytest.FixtureRequest, local: Program) -> Folders:
    return Folders(local, request.param)


def link_in_its_folder(folders: Folders) -> str:
    """A link next to the mapping and next to the export, since one looks here and the other there."""
    for folder in (folders.mapping, folders.export):
        (folder / "linked.txt").symlink_to(folders.private / "x.txt")
    return "linked.txt"


@pytest.mark.parametrize("spelling", ["absolute", "dots", "link"])
def test_a_file_elsewhere_is_refused_until_it_is_allowed(folders: Folders, spelling: str) -> None:
    file = {
        "absolute": lambda: str(folders.private / "x.txt"),
        "dots": lambda: "../private/x.txt",
        "link": lambda: link_in_its_folder(folders),
    }[spelling]()
    words = folders.name(file)
    refused = folders.program("check", *words)
    assert refused.code == 2
    assert "mapping/m.yml:" in refused.err or "m.yml:" in refused.err
    assert "the mapping may not read" in refused.err
    assert "--allow-files DIR" in refused.err
    with pytest.raises(MappingError, match="the mapping may not read"):
        check(folders.export / "t.csv", folders.mapping / "m.yml")

    allowed = folders.program("check", *words, "--allow-files", "private", "--json")
    assert allowed.code == 0, allowed.err
    named = json.loads(allowed.out)["files"]
    assert [Path(each).resolve() for each in named] == [folders.private / "x.txt"]
    assert check(folders.export / "t.csv", folders.mapping / "m.yml", allow_files=[folders.private]).exit_code == 0


@pytest.mark.parametrize("verb", ["run", "preview", "rehearse", "rebuild"])
def test_each_verb_asks_the_same(local: Program, verb: str) -> None:
    folders = Folders(local, "lookup")
    words = folders.name("../private/x.txt")
    mapping = folders.mapping / "m.yml"  # without an external id: there is nothing to search for and to wait for
    mapping.write_text(mapping.read_text("utf-8").replace("external_id_field: text1\n", ""), "utf-8")
    refused = folders.program(verb, *words)
    assert (refused.code, "the mapping may not read" in refused.err) == (2, True)
    assert "may not read" not in folders.program(verb, *words, "--allow-files", folders.private).err


def test_a_retry_asks_the_same(local: Program) -> None:
    folders = Folders(local, "lookup")
    run = folders.program("run", "export/t.csv", "-m", "m.yml", "--out", "out")
    assert run.code == 0
    folders.name("../private/x.txt")
    words = ["retry", "--ledger", "out/ledger.db", "-m", "mapping/m.yml"]
    assert "the mapping may not read" in folders.program(*words).err
    assert folders.program(*words, "--allow-files", "private").code == 0


def test_the_folder_of_the_export_is_allowed(folders: Folders) -> None:
    """For the mapping of another folder; notes are looked for there anyway."""
    (folders.private / "x.txt").rename(folders.export / "x.txt")
    name = "x.txt" if folders.way == "notes" else "../export/x.txt"
    ended = folders.program("check", *folders.name(name))
    assert ended.code == 0, ended.err
    assert "Files read because the mapping names them" in ended.out
    assert "export/x.txt" in ended.out


def test_what_notes_chooses_is_allowed(local: Program) -> None:
    folders = Folders(local, "notes")
    words = folders.name("comments.csv")
    assert folders.program("check", *words, "--notes", "private/x.txt").code == 0


@pytest.mark.parametrize("content", [f"{PRIVATE}: 1\n", f"version: 1\nfields: {{{PRIVATE}: 1}}\n", f"{PRIVATE} x\n"])
@pytest.mark.parametrize("way", ["fields", "lookup"])
def test_no_line_of_a_file_is_in_an_error(local: Program, way: str, content: str) -> None:
    """The file that a mapping names may be any file of its folder."""
    folders = Folders(local, way)
    (folders.mapping / "x.txt").write_text(content + "a,b\n", encoding="utf-8")
    ended = folders.program("check", *folders.name("x.txt"))
    assert ended.code == 2
    assert "x.txt" in ended.err
    assert PRIVATE not in ended.out + ended.err


@pytest.mark.parametrize("way", ["fields", "lookup"])
def test_a_pipe_is_not_waited_for(local: Program, way: str) -> None:
    folders = Folders(local, way)
    os.mkfifo(folders.mapping / "pipe")
    ended = folders.program("check", *folders.name("pipe"))
    assert ended.code == 2
    assert "'pipe' is not a file" in ended.err
