"""Settings that a caller builds: every mistake is the project's own error, and shows no secret."""

from __future__ import annotations

from typing import Any

import pytest

from importer import CaseImporterError, ConfigError, Settings, load_settings


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"region": "xx", "account": "acme"}, "--region must be us, eu or ca"),
        ({"rate": "fast"}, "--rate must be a number above 0"),
        ({"concurrency": None, "grace": [1]}, "CASE_IMPORTER_GRACE must be a number of seconds"),
        ({"client_id": 5}, "CASE_IMPORTER_CLIENT_ID must be one text"),
        ({"acount": "acme"}, "unknown setting 'acount'"),
        ({"region": "eu"}, "--region and --account must be used together"),
    ],
    ids=["word", "number", "seconds", "type", "name", "half_a_target"],
)
@pytest.mark.parametrize("build", [Settings, Settings.model_validate], ids=["named", "table"])
def test_a_wrong_setting_is_a_config_error(build: Any, values: dict[str, Any], said: str) -> None:
    with pytest.raises(CaseImporterError) as caught:
        build(**values) if build is Settings else build(values)
    assert isinstance(caught.value, ConfigError)
    assert said in str(caught.value)
    assert caught.value.hint


def test_a_secret_in_the_wrong_place_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(region="s3cret", grace="s3cret")  # type: ignore[arg-type]
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__, "nor in the traceback"


def test_the_place_of_a_wrong_setting_is_still_said() -> None:
    with pytest.raises(ConfigError, match=r"--rate .* \(set by CASE_IMPORTER_RATE in the environment\)"):
        load_settings(environment={"CASE_IMPORTER_RATE": "fast"})
