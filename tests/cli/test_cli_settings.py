"""Where settings are read from, and that what is read in one place sends nothing away that is kept in another."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from program import Program, SandboxProcess, sandbox_process, until
from scenery import write_env
from tickets import tickets, write_tickets

from importer import ConfigError, load_settings

CLIENT = {"CASE_IMPORTER_CLIENT_ID": "sandbox-client", "CASE_IMPORTER_CLIENT_SECRET": "sandbox-secret"}
RUN = ("run", "export/t.csv", "-m", "m.yml")


@pytest.fixture
def nearby(aimless: Program) -> Path:
    """``export``: the folder of the export, which is not the current folder."""
    folder = aimless.folder / "export"
    folder.mkdir()
    write_tickets(folder / "t.csv", tickets(2, prefix=f"{aimless.folder.name}-"))
    return folder


# -- no target ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [[], ["--json"], ["--quiet"]], ids=["page", "json", "quiet"])
def test_without_a_terminal_a_missing_target_is_an_error(aimless: Program, nearby: Path, how: list[str]) -> None:
    ended = aimless(*RUN, *how)
    assert (ended.code, bool(ended.out)) == (2, how == ["--json"])
    assert ended.err.startswith("error: no target is set, and no .env with settings was found in ")
    assert f"'{aimless.folder}' or '{nearby}'" in ended.err
    assert "pass --region and --account" in ended.err
    assert "--sandbox for a trial" in ended.err
    assert {path.name for path in aimless.folder.iterdir()} == {"export", "m.yml"}


@pytest.mark.parametrize("verb", ["run", "retry", "reconcile", "fields", "users"])
def test_every_command_that_sends_or_asks_wants_a_target(aimless: Program, nearby: Path, verb: str) -> None:
    assert aimless(*RUN, "--sandbox", "--ledger", "l.db", "--quiet").code == 0
    arguments = {"run": [*RUN[1:], "--ledger", "l.db"], "fields": ["--save", "f"], "users": ["--save", "f"]}
    ended = aimless(verb, *arguments.get(verb, ["--ledger", "l.db"]))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: no target is set")


@pytest.mark.slow
def test_a_person_at_a_terminal_gets_the_sandbox_and_is_told_that_it_is_a_trial(aimless: Program, nearby: Path) -> None:
    screen = aimless.watched(*RUN)
    assert screen.code == 0
    assert "trial in the embedded sandbox (nothing left this machine)" in screen.out
    assert "trial: cases in the sandbox, not in Talkdesk" in screen.out
    assert "cases in Talkdesk" not in screen.out


@pytest.mark.parametrize("flag", ["--quiet", "--json"])
def test_a_script_with_a_terminal_is_still_a_script(aimless: Program, nearby: Path, flag: str) -> None:
    screen = aimless.watched(*RUN, flag)
    assert screen.code == 2
    assert "no target is set" in screen.out


def test_a_trial_is_called_a_trial_by_every_page_about_it(aimless: Program, nearby: Path) -> None:
    pages = [
        aimless(*RUN, "--sandbox", "--out", "out"),
        aimless("status", "--ledger", "out/ledger.db"),
        aimless("report", "--ledger", "out/ledger.db", "--out", "again"),
        aimless("rehearse", *RUN[1:], "--profile", "calm"),
    ]
    for page in pages:
        assert page.code == 0
        assert "trial: cases in the sandbox, not in Talkdesk" in page.out
        assert "cases in Talkdesk" not in page.out


def test_a_server_on_this_machine_is_called_a_trial_and_an_account_is_not(
    aimless: Program, nearby: Path, server: SandboxProcess
) -> None:
    page = aimless.having(**CLIENT)(*RUN, "--api-url", server.url)
    assert page.code == 0
    assert "2  created   trial: cases in the sandbox, not in Talkdesk" in page.out
    assert "TRIAL" in next(aimless.folder.rglob("report.html")).read_text(encoding="utf-8")
    path = next(aimless.folder.rglob("ledger.db"))
    with closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.execute("UPDATE ledger SET target = 'https://api.talkdeskapp.com (account acme)'")
    status = aimless("status", "--ledger", str(path)).out
    assert "2 rows = 2 created" in status
    assert "trial" not in status


def test_the_real_import_after_a_trial_is_shown_the_way(aimless: Program, nearby: Path, server: SandboxProcess) -> None:
    """One error and no page with the cases of the trial under the name of the account."""
    assert aimless(*RUN, "--sandbox", "--quiet").code == 0
    before = server.creates()
    real = (*RUN, "--api-url", server.url)
    ended = aimless.having(**CLIENT)(*real)
    assert (ended.code, ended.out) == (7, "")
    assert f"this ledger belongs to a trial in the sandbox, not to {server.url}; nothing was sent" in ended.err
    assert "--out real-import" in ended.err
    assert server.creates() == before
    assert aimless.having(**CLIENT)(*real, "--out", "real-import", "--json").counts == {"created": 2}


# -- the settings file ----------------------------------------------------------------------------------


def test_a_settings_file_next_to_the_export_counts_and_is_named(
    aimless: Program, nearby: Path, server: SandboxProcess
) -> None:
    """As cron and systemd start it: from another folder."""
    write_env(nearby / ".env", **CLIENT, CASE_IMPORTER_API_URL=server.url)
    ended = aimless(*RUN, "--ledger", "l.db")
    assert (ended.code, ended.err) == (0, "")
    assert f"→ {server.url}" in ended.out
    assert "settings read from export/.env" in ended.out


def test_a_settings_file_next_to_the_ledger_counts_for_commands_on_it(
    aimless: Program, nearby: Path, server: SandboxProcess
) -> None:
    write_env(nearby / ".env", **CLIENT, CASE_IMPORTER_API_URL=server.url)
    for command in (RUN, ("reconcile",), ("retry",)):
        ended = aimless(*command, "--ledger", "export/l.db", "--out", "out", "--json")
        assert (ended.code, ended.json["target"]) == (0, server.url)
        assert "settings read from export/.env" in ended.json["notes"]


def test_the_current_folder_comes_before_that_of_the_export(
    aimless: Program, nearby: Path, server: SandboxProcess
) -> None:
    write_env(nearby / ".env", **CLIENT, CASE_IMPORTER_API_URL="https://127.0.0.1:9", CASE_IMPORTER_RATE="1")
    write_env(aimless.folder / ".env", **CLIENT, CASE_IMPORTER_API_URL=server.url)
    ended = aimless(*RUN, "--json")
    assert (ended.code, ended.json["target"]) == (0, server.url)
    assert "settings read from .env" in ended.json["notes"]


def test_a_file_of_another_program_is_passed_over(aimless: Program, nearby: Path, server: SandboxProcess) -> None:
    write_env(aimless.folder / ".env", DATABASE_URL="postgres://localhost", CASES="7")
    write_env(nearby / ".env", **CLIENT, CASE_IMPORTER_API_URL=server.url)
    assert "settings read from export/.env" in aimless(*RUN, "--json").json["notes"]


def test_a_target_in_the_environment_replaces_that_of_a_file(
    aimless: Program, nearby: Path, server: SandboxProcess
) -> None:
    write_env(nearby / ".env", CASE_IMPORTER_REGION="eu", CASE_IMPORTER_ACCOUNT="acme", CASE_IMPORTER_SANDBOX="true")
    ended = aimless.having(**CLIENT, CASE_IMPORTER_API_URL=server.url)(*RUN, "--json")
    assert (ended.code, ended.json["target"]) == (0, server.url)


def test_a_sandbox_in_the_environment_replaces_the_target_of_a_file(aimless: Program, nearby: Path) -> None:
    """All of it, also what could not be used."""
    write_env(nearby / ".env", CASE_IMPORTER_REGION="eu", CASE_IMPORTER_AUTH_URL="https://127.0.0.1:9")
    ended = aimless.having(CASE_IMPORTER_SANDBOX="true")(*RUN, "--json")
    assert (ended.code, ended.json["target"].partition(":")[0]) == (0, "sandbox")


@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_proxy_that_was_not_typed_is_passed_over_on_the_way_to_this_machine(
    aimless: Program, nearby: Path, server: SandboxProcess, place: str
) -> None:
    proxy = {"CASE_IMPORTER_PROXY": "http://127.0.0.1:9"}
    write_env(nearby / ".env", **CLIENT, CASE_IMPORTER_API_URL=server.url, **(proxy if place == "file" else {}))
    ended = (aimless.having(**proxy) if place == "environment" else aimless)(*RUN, "--json")
    assert (ended.code, ended.json["target"]) == (0, server.url)


# -- one place for an address and its credentials ---------------------------------------------------------

WAYS = {
    "API_URL": {"CASE_IMPORTER_API_URL": "https://127.0.0.1:9", "CASE_IMPORTER_AUTH_URL": "https://127.0.0.1:9/t"},
    "REGION": {"CASE_IMPORTER_REGION": "eu", "CASE_IMPORTER_ACCOUNT": "acme"},
    "PROXY": {"CASE_IMPORTER_PROXY": "http://127.0.0.1:9"},
    "CA_FILE": {"CASE_IMPORTER_CA_FILE": "ca.pem"},
}
KINDS = {
    "CLIENT_SECRET": CLIENT,
    "CLIENT_SECRET_FILE": {"CASE_IMPORTER_CLIENT_ID": "c", "CASE_IMPORTER_CLIENT_SECRET_FILE": "secret"},
    "TOKEN": {"CASE_IMPORTER_TOKEN": "t"},
    "TOKEN_FILE": {"CASE_IMPORTER_TOKEN_FILE": "token"},
    "PRIVATE_KEY_FILE": {
        "CASE_IMPORTER_CLIENT_ID": "c",
        "CASE_IMPORTER_KEY_ID": "k",
        "CASE_IMPORTER_PRIVATE_KEY_FILE": "key.pem",
    },
}
#: Where the way is → where the credentials are.
PLACES = {"file": "environment", "environment": "file", "named file": "environment"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", PLACES)
def test_the_way_and_the_credentials_come_from_one_place(tmp_path: Path, place: str, way: str, kind: str) -> None:
    """Through the library, which reads the same places; the command line is tried with two of these pairs below."""
    in_file, in_environment = (KINDS[kind], WAYS[way]) if PLACES[place] == "file" else (WAYS[way], KINDS[kind])
    file = write_env(tmp_path / ".env", **in_file)
    where = {"config_file": file} if place == "named file" else {"near": tmp_path}
    typed = {"region": "eu", "account": "acme"} if way in ("PROXY", "CA_FILE") else {}
    ways, kinds = re.escape(str(file)), "the environment"
    if PLACES[place] == "file":
        ways, kinds = kinds, ways
    said = rf"^CASE_IMPORTER_{way} from {ways} cannot be combined with CASE_IMPORTER_\w+ from {kinds}\n"
    with pytest.raises(ConfigError, match=said) as caught:
        load_settings(**where, **typed, environment=in_environment)
    assert caught.value.hint.endswith(f"pass --{way.lower().replace('_', '-')} on the command line")
    together = write_env(tmp_path / ".env", **WAYS[way], **KINDS[kind])
    assert load_settings(config_file=together, **typed, environment={}).has_target


@pytest.mark.parametrize("place", ["file", "environment"])
def test_the_command_line_refuses_such_pairs_before_it_reads_anything(
    aimless: Program, nearby: Path, place: str
) -> None:
    in_file, in_environment = (WAYS["REGION"], CLIENT) if place == "file" else (CLIENT, WAYS["REGION"])
    write_env(nearby / ".env", **in_file)
    ended = aimless.having(**in_environment)("run", "export/gone.csv", "-m", "m.yml")
    assert (ended.code, ended.out) == (2, "")
    ways, kinds = ("export/.env", "the environment") if place == "file" else ("the environment", "export/.env")
    assert ended.err == (
        f"error: CASE_IMPORTER_REGION from {ways} cannot be combined with CASE_IMPORTER_CLIENT_SECRET from {kinds}\n"
        "  hint: set both in one place, or pass --region on the command line\n"
    )


@pytest.mark.parametrize("place", ["environment", "file"])
def test_an_address_that_was_typed_goes_with_credentials_from_anywhere(
    aimless: Program, nearby: Path, server: SandboxProcess, place: str
) -> None:
    program = aimless.having(**CLIENT) if place == "environment" else aimless
    if place == "file":
        write_env(nearby / ".env", **CLIENT)
    ended = program(*RUN, "--api-url", server.url, "--json")
    assert (ended.code, ended.counts) == (0, {"created": 2})


def test_region_and_account_that_were_typed_replace_the_address_of_a_file(aimless: Program, nearby: Path) -> None:
    """It gets as far as to the missing export, so the settings are accepted; nothing is sent to that account."""
    write_env(nearby / ".env", CASE_IMPORTER_API_URL="https://127.0.0.1:9")
    ended = aimless.having(**CLIENT)("run", "export/gone.csv", "-m", "m.yml", "--region", "eu", "--account", "acme")
    assert ended.code == 2
    assert "gone.csv: file not found" in ended.err


def test_a_file_does_not_read_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``${…}`` stays as it is written: a secret of the environment cannot become a part of an address."""
    monkeypatch.setenv("SECRET", "s3cret")
    write_env(tmp_path / ".env", CASE_IMPORTER_API_URL="https://${SECRET}.example", CASE_IMPORTER_TOKEN="$SECRET")
    assert load_settings(near=tmp_path, environment={}).api_url == "https://${SECRET}.example"


@pytest.mark.parametrize("folder", [".", "export"])
def test_a_file_that_nobody_named_reads_secrets_from_its_own_folder_only(
    aimless: Program, nearby: Path, server: SandboxProcess, folder: str
) -> None:
    (aimless.folder.parent / "elsewhere").mkdir(exist_ok=True)
    secret = aimless.folder.parent / "elsewhere" / f"{aimless.folder.name}.secret"
    secret.write_text("sandbox-secret\n", encoding="utf-8")
    secret.chmod(0o600)
    link = aimless.folder / folder / "link"
    link.symlink_to(secret)
    for path in (secret, link):
        known = {"CASE_IMPORTER_CLIENT_ID": "sandbox-client", "CASE_IMPORTER_API_URL": server.url}
        env = write_env(aimless.folder / folder / ".env", **known, CASE_IMPORTER_CLIENT_SECRET_FILE=str(path))
        ended = aimless(*RUN)
        assert (ended.code, ended.out) == (2, "")
        assert "CASE_IMPORTER_CLIENT_SECRET_FILE is outside the folder of this file" in ended.err
        assert "--config" in ended.err
    assert aimless(*RUN, "--config", env, "--quiet").code == 0, "whoever names a file trusts it"


# -- secrets in files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["environment", "file"])
def test_each_secret_may_be_in_a_file_of_its_own(
    aimless: Program, nearby: Path, server: SandboxProcess, place: str
) -> None:
    """As Docker, Kubernetes and systemd provide them; a path in a settings file starts at that file."""
    for name, content in (("id", "sandbox-client"), ("secret", "sandbox-secret\n")):
        (nearby / name).write_text(content, encoding="utf-8")
        (nearby / name).chmod(0o600)
    where = "" if place == "file" else "export/"
    files = {"CASE_IMPORTER_CLIENT_ID_FILE": f"{where}id", "CASE_IMPORTER_CLIENT_SECRET_FILE": f"{where}secret"}
    if place == "file":
        write_env(nearby / ".env", **files, CASE_IMPORTER_API_URL=server.url)
    program = aimless if place == "file" else aimless.having(**files, CASE_IMPORTER_API_URL=server.url)
    ended = program(*RUN)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.slow
def test_a_token_in_a_file_is_read_again_when_a_new_one_is_needed(aimless: Program, nearby: Path) -> None:
    """The first token is not valid any more; what replaces the file counts, without a new start."""
    token = nearby / "token"
    token.write_text("old", encoding="utf-8")
    token.chmod(0o600)
    with sandbox_process(nearby, "--static-token", "new", "--latency", 300) as server:
        program = aimless.having(CASE_IMPORTER_TOKEN_FILE="export/token", CASE_IMPORTER_API_URL=server.url)
        child = program.fork(*RUN, "--quiet")
        until(lambda: server.state()["requests"], what="the first request, with the old token")
        token.write_text("new", encoding="utf-8")
        ended = child.end()
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the file of CASE_IMPORTER_CLIENT_SECRET_FILE: No such file or directory"),
        ("", "CASE_IMPORTER_CLIENT_SECRET_FILE must name a file with one line"),
        ("two\nlines\n", "CASE_IMPORTER_CLIENT_SECRET_FILE must name a file with one line"),
        ("x" * 70_000, "it is larger than 64 KiB"),
    ],
    ids=["missing", "empty", "two lines", "large"],
)
def test_a_file_that_is_no_secret_is_refused_before_anything_is_read(
    aimless: Program, nearby: Path, content: str | None, said: str
) -> None:
    if content is not None:
        (nearby / "secret").write_text(content, encoding="utf-8")
        (nearby / "secret").chmod(0o600)
    files = {"CASE_IMPORTER_CLIENT_ID": "c", "CASE_IMPORTER_CLIENT_SECRET_FILE": "export/secret"}
    ended = aimless.having(**files)(*RUN, "--region", "eu", "--account", "acme")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: export/secret: ")
    assert said in ended.err


def test_a_secret_and_its_file_are_not_given_both(aimless: Program, nearby: Path) -> None:
    both = aimless.having(**CLIENT, CASE_IMPORTER_CLIENT_SECRET_FILE="export/secret")
    ended = both(*RUN, "--region", "eu", "--account", "acme")
    assert ended.code == 2
    assert "set either CASE_IMPORTER_CLIENT_SECRET or CASE_IMPORTER_CLIENT_SECRET_FILE, not both" in ended.err


def test_secrets_that_others_can_read_get_one_warning(aimless: Program, nearby: Path, server: SandboxProcess) -> None:
    write_env(nearby / ".env", **CLIENT, CASE_IMPORTER_API_URL=server.url).chmod(0o644)
    ended = aimless(*RUN)
    assert ended.code == 0
    assert ended.err == (
        "warning: every user of this machine can read export/.env; to change that: chmod 600 export/.env\n"
    )
    assert aimless(*RUN, "--quiet").err == ""


def test_every_kind_of_secret_file_is_looked_at(aimless: Program, nearby: Path) -> None:
    names = ("client_id", "client_secret", "token", "private_key")
    for name in names:
        (nearby / name).write_text("x", encoding="utf-8")
        (nearby / name).chmod(0o644)
    files = {f"CASE_IMPORTER_{name.upper()}_FILE": f"export/{name}" for name in names[1:3]}
    ended = aimless.having(**files, CASE_IMPORTER_CLIENT_ID="c")(*RUN, "--sandbox")
    assert ended.err.count("warning: ") == 1
    assert "can read export/client_secret and export/token;" in ended.err
    keyed = {"CASE_IMPORTER_PRIVATE_KEY_FILE": "export/private_key", "CASE_IMPORTER_KEY_ID": "k"}
    ended = aimless.having(**keyed, CASE_IMPORTER_CLIENT_ID_FILE="export/client_id")(*RUN, "--sandbox")
    assert "can read export/client_id and export/private_key;" in ended.err


# -- misspelt names -----------------------------------------------------------------------------------------

MISSPELT = {
    "CASE_IMPORTER_CLIENTSECRET": "CASE_IMPORTER_CLIENT_SECRET",
    "CASE_IMPORT_CLIENT_SECRET": "CASE_IMPORTER_CLIENT_SECRET",
    "case_importer_client_secret": "CASE_IMPORTER_CLIENT_SECRET",
    "CASE_IMPORTER_REGOIN": "CASE_IMPORTER_REGION",
}


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_name_in_a_settings_file_is_an_error(aimless: Program, nearby: Path, name: str) -> None:
    write_env(nearby / ".env", **CLIENT, **{name: "s3cret"})
    ended = aimless(*RUN, "--sandbox")
    assert (ended.code, ended.out) == (2, "")
    assert f"export/.env: {name} is not a setting: did you mean '{MISSPELT[name]}'?" in ended.err
    assert "s3cret" not in ended.err


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_name_in_the_environment_is_a_warning(aimless: Program, nearby: Path, name: str) -> None:
    ended = aimless.having(**{name: "s3cret"})(*RUN, "--sandbox")
    assert ended.code == 0
    assert ended.err == f"warning: {name} is not a setting: did you mean '{MISSPELT[name]}'?\n"


def test_missing_credentials_point_at_a_misspelt_name(aimless: Program, nearby: Path) -> None:
    known = aimless.having(CASE_IMPORTER_CLIENT_ID="c", CASE_IMPORTER_CLIENTSECRET="s3cret")
    ended = known(*RUN, "--region", "eu", "--account", "acme", "--quiet")
    assert ended.code == 2
    assert ended.err.startswith("error: missing credentials for https://api.talkdeskapp.eu (account acme)\n")
    assert "CASE_IMPORTER_CLIENTSECRET is not a setting: did you mean 'CASE_IMPORTER_CLIENT_SECRET'?" in ended.err


def test_a_variable_of_the_sandbox_command_is_known(aimless: Program, nearby: Path) -> None:
    ended = aimless.having(CASE_IMPORTER_SANDBOX_TOKEN="t")(*RUN, "--sandbox")
    assert (ended.code, ended.err) == (0, "")


# -- the CA file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [["--sandbox"], ["--region", "eu", "--account", "acme"]], ids=["sandbox", "account"])
@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("gone.pem", "gone.pem: cannot read the CA file: No such file or directory"),
        ("m.yml", "m.yml: the CA file contains no PEM certificate"),
    ],
)
def test_a_ca_file_that_cannot_be_used_is_a_settings_error(
    aimless: Program, nearby: Path, target: list[str], file: str, said: str
) -> None:
    ended = aimless.having(**CLIENT)(*RUN, *target, "--ca-file", file)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {said}\n")
    assert "--ca-file" in ended.err
    assert not list(aimless.folder.glob("*-import"))


# -- files that cannot be read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        ("CASE_IMPORTER_RATE: 2", False),
        ("CASE_IMPORTER_RATE", False),
        ("set CASE_IMPORTER_RATE=2", False),
        ("$env:CASE_IMPORTER_RATE = 2", False),
        ("export CASE_IMPORTER_RATE=2 # slowly", True),
        ("# CASE_IMPORTER_RATE: 2", True),
        ("ANOTHER PROGRAM", True),
        ("KEY='-----\nCASE_IMPORTER_RATE: 2\n-----'", True),
    ],
)
def test_a_line_that_sets_nothing_is_an_error_and_not_passed_over(tmp_path: Path, line: str, is_read: bool) -> None:
    """A run without the limit that somebody wrote is worse than none, also if nothing else of ours is in the file."""
    (tmp_path / ".env").write_text(f"# settings\n{line}\n", encoding="utf-8")
    if is_read:
        load_settings(near=tmp_path, environment={}, sandbox=True)
        return
    with pytest.raises(ConfigError, match="this line of the settings file cannot be read") as error:
        load_settings(near=tmp_path, environment={}, sandbox=True)
    assert error.value.where == f"{tmp_path / '.env'}:2"


def test_a_settings_file_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.yml").write_text("[" * 3000, encoding="utf-8")
    with pytest.raises(ConfigError, match="nested too deep"):
        load_settings(config_file=tmp_path / "deep.yml", environment={})
