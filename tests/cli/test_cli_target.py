"""Where cases go: never by accident, never in the clear, never to another place than before."""

from __future__ import annotations

from functools import partial

import pytest
from launching import Child
from program import PATIENCE, Ended, Program, SandboxProcess, closed_address
from scenery import in_a_hurry, write_env
from tickets import MAPPING, tickets, write_tickets


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """Keys of its own for each test, which has a ledger of its own as well."""
    return f"{request.node.originalname}-"


@pytest.fixture(autouse=True)
def _export(local: Program, prefix: str) -> None:
    write_tickets(local.folder / "t.csv", tickets(1, prefix=prefix))


#: Flags that cannot be → what the message says about them.
IMPOSSIBLE = {
    "--api-url http://example.com": "unencrypted to example.com",
    "--api-url https://example.com --auth-url http://example.com/oauth/token": "--auth-url would send",
    "--api-url example.com": "is not a valid URL",
    "--api-url https://user:secret@example.com": "must be a base URL",
    "--region eu": "--region and --account must be used together",
    "--account acme": "--region and --account must be used together",
    "--region eu --account a/b": "account",
    "--region eu --account acme --api-url https://example.com": "use either --region and --account, or --api-url",
    "--auth-url https://example.com": "--auth-url requires --api-url",
    "--rate fast": "error: --rate must be a number above 0 and up to 100,000, or auto\n",
    "--rate 0": "error: --rate must be a number above 0 and up to 100,000, or auto\n",
    "--reserve 100%": "error: --reserve must be a share from 0 to 0.9, or a percentage such as 20%\n",
    "--concurrency 0": "error: --concurrency must be a whole number from 1 to 1,024\n",
    "--settle-delay -1": "error: --settle-delay must be a number of seconds from 0 to 86,400\n",
    "--proxy proxy.acme.example:3128": "error: --proxy must be http://host:port or http://user:password@host:port (",
    "--proxy http://proxy.acme.example": "--proxy must be http://host:port",
    "--proxy https://user:secret@proxy.acme.example:3128": "--proxy must be http://host:port",
    "--proxy http://user:secret/1@proxy.acme.example:3128": "--proxy must be http://host:port",
    "--api-url http://127.0.0.1:1 --proxy http://proxy.acme.example:3128": "--api-url: plain http works on this",
    "--config gone.env": "gone.env: cannot read the settings file: No such file or directory\n  hint: check its path",
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """How each of them ended; nothing may be left in the folder."""
    folder = tmp_path_factory.mktemp("impossible")
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    write_tickets(folder / "t.csv", tickets(1))
    commands = [["run", "t.csv", "-m", "m.yml", *flags.split()] for flags in IMPOSSIBLE]
    endings = dict(zip(IMPOSSIBLE, Program(folder).at_once(commands), strict=True))
    assert {path.name for path in folder.iterdir()} == {"t.csv", "m.yml"}
    return endings


@pytest.mark.parametrize("flags", IMPOSSIBLE)
def test_settings_that_cannot_be(refusals: dict[str, Ended], flags: str) -> None:
    ended = refusals[flags]
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert IMPOSSIBLE[flags] in ended.err
    assert "user:secret" not in ended.err


#: Where a bad setting stands → what the message says: the flag, what it takes, and the place.
PLACES = {
    "environment": "--rate must be a number above 0 and up to 100,000, or auto (set by CASE_IMPORTER_RATE in the env",
    "settings.yml": "--rate must be a number above 0 and up to 100,000, or auto (set in settings.yml)",
    "settings.env": "--rate must be a number above 0 and up to 100,000, or auto (set in settings.env)",
    ".env": "--rate must be a number above 0 and up to 100,000, or auto (set in .env)",
    "grace.yml": "CASE_IMPORTER_GRACE must be a number of seconds from 0 to 600 (set in grace.yml)",
    "typo.yml": "unknown setting 'rat' (set in typo.yml)\n  hint: did you mean 'rate'?",
}


@pytest.mark.parametrize("place", PLACES)
def test_the_message_names_the_place_of_a_setting_that_cannot_be(local: Program, place: str) -> None:
    texts = {"grace.yml": "grace: long\n", "typo.yml": "rat: 5\n", "settings.yml": "rate: s3cret\n"}
    text = texts.get(place, "CASE_IMPORTER_RATE=s3cret\n")
    program = local.having(CASE_IMPORTER_RATE="s3cret") if place == "environment" else local
    if place != "environment":
        (local.folder / place).write_text(text, encoding="utf-8")
    config = [] if place in ("environment", ".env") else ["--config", place]
    ended = program("run", "t.csv", "-m", "m.yml", *config)
    assert (ended.code, ended.out) == (2, "")
    assert PLACES[place] in ended.err
    assert "s3cret" not in ended.err, "what stands there may be a secret in the wrong place"


def test_a_flag_that_is_wrong_is_not_blamed_on_the_environment(local: Program) -> None:
    ended = local.having(CASE_IMPORTER_RATE="5")("run", "t.csv", "-m", "m.yml", "--rate", "0")
    assert "or auto\n" in ended.err


@pytest.mark.parametrize("how", [[], ["--json"], ["--quiet"]], ids=["page", "json", "quiet"])
def test_without_credentials_nothing_is_read_and_the_message_says_what_to_set(local: Program, how: list[str]) -> None:
    """One error and no result page; an export that is not there shows that nobody looked for it."""
    ended = local("run", "gone.csv", "-m", "m.yml", "--region", "eu", "--account", "acme", *how)
    assert (ended.code, bool(ended.out)) == (2, how == ["--json"])
    assert ended.err.startswith("error: missing credentials for https://api.talkdeskapp.eu (account acme)\n")
    assert "set CASE_IMPORTER_CLIENT_ID and CASE_IMPORTER_CLIENT_SECRET in .env or the environment" in ended.err
    assert {path.name for path in local.folder.iterdir()} == {"t.csv", "m.yml"}


def test_wrong_credentials_end_with_7(online: Program) -> None:
    ended = online.having(CASE_IMPORTER_CLIENT_SECRET="wrong")("run", "t.csv", "-m", "m.yml")
    assert ended.code == 7
    assert "credentials rejected" in ended.err
    assert "check the client id, its secret or key" in ended.err


def test_credentials_and_target_come_from_a_dot_env_file(aimless: Program, server: SandboxProcess) -> None:
    write_env(aimless.folder / ".env", **server.login, CASE_IMPORTER_API_URL=server.url)
    ended = aimless("run", "t.csv", "-m", "m.yml", "--json")
    assert (ended.code, ended.json["target"]) == (0, server.url)


def test_settings_come_from_a_yaml_file_and_flags_win(aimless: Program, server: SandboxProcess) -> None:
    (aimless.folder / "s.yml").write_text(
        f"api-url: {server.url}\nclient-id: sandbox-client\nclient-secret: sandbox-secret\nrate: 0\n", encoding="utf-8"
    )
    assert aimless("run", "t.csv", "-m", "m.yml", "--config", "s.yml").code == 2
    ended = aimless("run", "t.csv", "-m", "m.yml", "--config", "s.yml", "--rate", 50, "--json")
    assert (ended.code, ended.json["target"]) == (0, server.url)


def test_the_sandbox_flag_wins_over_the_environment(online: Program, server: SandboxProcess) -> None:
    """Somebody who rehearses with real credentials at hand must not send anything by that."""
    before = server.creates()
    ended = online("run", "t.csv", "-m", "m.yml", "--sandbox", "--json")
    assert (ended.code, ended.json["target"].partition(":")[0]) == (0, "sandbox")
    assert server.creates() == before


def test_a_ledger_stays_with_the_target_it_was_begun_with(online: Program, server: SandboxProcess, prefix: str) -> None:
    assert online("run", "t.csv", "-m", "m.yml", "--quiet").code == 0
    write_tickets(online.folder / "t.csv", tickets(2, prefix=prefix))
    before = server.creates()
    ended = online("run", "t.csv", "-m", "m.yml", "--sandbox")
    assert ended.code == 7
    assert f"this ledger belongs to {server.url}" in ended.err
    assert "use the ledger's target" in ended.err
    assert server.creates() == before


def test_an_address_where_nobody_ever_answered_does_not_keep_the_ledger(local: Program, server: SandboxProcess) -> None:
    """A misspelt address is corrected, and the same ledger goes on."""
    known = local.having(**server.login)
    with closed_address() as misspelt:
        assert known("run", "t.csv", "-m", "m.yml", "--api-url", misspelt, "--quiet").code == 5
    assert known("run", "t.csv", "-m", "m.yml", "--api-url", server.url, "--quiet").code == 0


@pytest.mark.slow
def test_a_service_that_is_down_leaves_every_row_to_the_next_run(local: Program) -> None:
    with closed_address() as nobody:
        patient = local.having(CASE_IMPORTER_TOKEN="a-token", CASE_IMPORTER_API_URL=nobody)
        command, hurried = ("run", "t.csv", "-m", "m.yml", "--json"), partial(in_a_hurry, PATIENCE)
        ended = Child(local.folder, *command, change=hurried, variables=patient.variables).end()
    assert (ended.code, ended.counts) == (5, {"pending": 1})
    (cause,) = ended.json["causes"]
    assert cause["code"] == "unreachable"
