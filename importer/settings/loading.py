"""Where settings are read from: flags over the environment over a settings file over the defaults.

A settings file can arrive together with an export. So it must not be able to send away what it does not contain
itself: an address, proxy or CA file is never combined with credentials from another place, values are taken as they
are written (no ``${…}``), and a ``.env`` that nobody named reads secrets from its own folder only.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from importer.errors import ConfigError
from importer.files.small import read_small_file
from importer.settings.model import (
    CREDENTIALS,
    ENVIRONMENT_PREFIX,
    SECRET_FILES,
    Origin,
    Settings,
    is_plain,
    variable_of,
)
from importer.text.wording import close_words, shell_word

_FILE_NAME = ".env"
_TARGET = ("sandbox", "api_url", "auth_url", "region", "account")
_WAY = ("api_url", "auth_url", "region", "account", "proxy", "ca_file")
_SHOWN_TO_NOBODY = ("client_secret", "token", "proxy")

#: Variables that are ours, and what they set; the last one belongs to the command ``sandbox``.
_VARIABLES: dict[str, str] = {variable_of(name): name for name in Settings.model_fields} | {
    f"{ENVIRONMENT_PREFIX}SANDBOX_TOKEN": ""
}
#: Texts that mean true to pydantic.
_TRUE = ("true", "1", "yes", "on", "t", "y")
#: How alike a variable must be to be taken for a misspelt one.
_ALIKE = 0.85


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one place."""

    place: str  #: what messages call it: ``.env``, ``the environment``
    values: dict[str, Any] = field(default_factory=dict)  #: by name of the setting
    misspelt: tuple[str, ...] = ()  #: what is wrong with variables that are not settings


def load_settings(
    *,
    config_file: Path | None = None,
    near: Path | None = None,
    environment: Mapping[str, str] | None = None,
    **flags: Any,
) -> Settings:
    """Settings from flags over environment over file over defaults.

    Args:
        config_file: A ``.env`` or YAML file; by default ``.env`` in the current folder, then in ``near``.
        near: Folder of the export or of the ledger.
        environment: Instead of the process's own.
        flags: Fields of :class:`Settings`; None means not given.

    Raises:
        ConfigError: everything that is wrong, in one message.
    """
    file, searched, in_file = _read_file(config_file, near)
    in_environment = _of_variables(os.environ if environment is None else environment, "the environment")
    given = Layer("the command line", {name: value for name, value in flags.items() if value is not None})
    chosen = _merge(in_file, in_environment, given)
    origin = Origin(
        file=file,
        searched=searched,
        places={
            name: f" (set by {variable_of(name)} in the environment)"
            if layer is in_environment
            else f" (set in {layer.place})"
            for name, layer in chosen.items()
            if layer is not given
        },
        misspelt=in_environment.misspelt,
        warnings=(*in_environment.misspelt, *_readable_by_others(file, in_file, chosen)),
    )
    values = {name: layer.values[name] for name, layer in chosen.items()}
    settings = Settings.model_validate(values, context=origin)
    if not settings.sandbox:
        _refuse_mixed_places(chosen, given)
    return settings


def _merge(*layers: Layer) -> dict[str, Layer]:
    """Which layer each setting comes from; the later ones win. A target replaces the whole target of earlier layers."""
    chosen: dict[str, Layer] = {}
    for layer in layers:
        is_sandbox = str(layer.values.get("sandbox")).lower() in _TRUE
        if is_sandbox or layer.values.keys() & {"api_url", "region"}:
            chosen = {name: earlier for name, earlier in chosen.items() if name not in _TARGET}
        chosen |= dict.fromkeys(layer.values, layer)
    is_near = "api_url" in chosen and is_plain(str(chosen["api_url"].values["api_url"]))
    if is_near and chosen.get("proxy") is not layers[-1]:  # to this machine a proxy leads only if it is typed
        chosen.pop("proxy", None)
    return chosen


def _refuse_mixed_places(chosen: Mapping[str, Layer], given: Layer) -> None:
    """What decides where credentials go must come from the place that they come from, or be typed."""
    for way in _WAY:
        place = chosen.get(way, given)
        for secret in CREDENTIALS:
            if place is not given and chosen.get(secret, place) is not place:
                raise ConfigError(
                    f"{variable_of(way)} from {place.place} cannot be combined with {variable_of(secret)}"
                    f" from {chosen[secret].place}",
                    hint=f"set both in one place, or pass --{way.replace('_', '-')} on the command line",
                )


def _readable_by_others(file: Path | None, in_file: Layer, chosen: Mapping[str, Layer]) -> Iterator[str]:
    """One line about all files with secrets that every user of this machine may read."""
    files = [Path(chosen[name].values[name]) for name in SECRET_FILES if name in chosen]
    if file is not None and any(name in in_file.values for name in _SHOWN_TO_NOBODY):
        files.insert(0, file)
    found = [path for path in files if os.path.isfile(path) and path.stat().st_mode & stat.S_IROTH]
    if names := [str(path) for path in found if os.name == "posix"]:  # Windows has no such bit
        yield f"every user of this machine can read {' and '.join(names)}; to change that: chmod 600 {' '.join(names)}"


def _of_variables(variables: Mapping[str, str], place: str) -> Layer:
    values = {_VARIABLES[name]: value for name, value in variables.items() if _VARIABLES.get(name) and value}
    return Layer(place, values, tuple(_misspelt(variables)))


def _misspelt(variables: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with variables that look like ours. Others may have a file or an environment in common with us."""
    for name in variables:
        if name in _VARIABLES or not name.upper().startswith("CASE"):
            continue
        if near := close_words(name, _VARIABLES, cutoff=_ALIKE):
            yield f"{name} is not a setting: did you mean '{near[0]}'?"
        elif name.startswith(ENVIRONMENT_PREFIX):
            yield f"{name} is not a setting"


def _read_file(config_file: Path | None, near: Path | None) -> tuple[Path | None, tuple[Path, ...], Layer]:
    """The file that counts, the folders in which there was none, and what it says."""
    if config_file is not None:
        return config_file, (), _of_file(config_file)
    folders = {folder.resolve(): folder for folder in (near or Path(), Path())}
    for folder in reversed(folders.values()):
        path = folder / _FILE_NAME
        layer = _of_file(path) if path.is_file() else Layer(str(path))
        if not layer.values:  # a file without settings of ours belongs to another program
            continue
        for name in SECRET_FILES:
            # It was found, not named, so it may be somebody else's: it cannot send away what is elsewhere.
            if name in layer.values and not Path(layer.values[name]).resolve().is_relative_to(folder.resolve()):
                what = f"{variable_of(name)} is outside the folder of this file"
                hint = f"if you trust this file, pass --config {shell_word(str(path))}"
                raise ConfigError(what, where=str(path), hint=hint)
        return path, (), layer
    return None, tuple(reversed(folders)), Layer(_FILE_NAME)


def _of_file(path: Path) -> Layer:
    hint = "check its path and permissions; --config accepts a .env or YAML file"
    text = read_small_file(path, what="the settings file", hint=hint)
    if path.suffix.lower() in (".yml", ".yaml"):
        layer = _of_yaml(text, path)
    else:
        lines = dotenv_values(stream=io.StringIO(text), interpolate=False)
        if number := next(_unread(text.splitlines()), 0):
            hint = f"write NAME=value, such as: {variable_of('rate')}=10"
            raise ConfigError("this line of the settings file cannot be read", where=f"{path}:{number}", hint=hint)
        layer = _of_variables({name: value for name, value in lines.items() if value is not None}, str(path))
        if layer.misspelt:
            raise ConfigError("; ".join(layer.misspelt), where=str(path), hint="docs/operating.md lists all settings")
    for name in (*SECRET_FILES, "ca_file"):  # relative to the file, wherever the command is started
        if isinstance(layer.values.get(name), str):
            layer.values[name] = str(path.parent / layer.values[name])
    return layer


def _unread(lines: Sequence[str]) -> Iterator[int]:
    """The numbers of the lines that name a variable of ours and set none: dotenv passes over them in silence."""
    end = ""  # the quote that ends a value of several lines
    for number, line in enumerate(lines, 1):
        if end:
            end = "" if end in line else end
            continue
        if line.lstrip().startswith("#"):
            continue
        name, _, value = line.partition("=")
        quote = value.strip()[:1]
        if quote and quote in "'\"" and value.count(quote) == 1:
            end = quote
        elif ENVIRONMENT_PREFIX in name.partition("#")[0].upper():
            read = dotenv_values(stream=io.StringIO(line), interpolate=False)
            if not any(name.upper().startswith(ENVIRONMENT_PREFIX) and text is not None for name, text in read.items()):
                yield number


def _of_yaml(text: str, path: Path) -> Layer:
    hint = "write lines such as: rate: 10"
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        line = error.problem_mark.line + 1 if isinstance(error, MarkedYAMLError) and error.problem_mark else 1
        what = "invalid settings file: it is not YAML, or a name is there twice"
        raise ConfigError(what, where=f"{path}:{line}", hint=hint) from None
    except RecursionError:
        raise ConfigError("invalid settings file: it is nested too deep", where=str(path), hint=hint) from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise ConfigError("invalid settings file: expected lines of settings", where=str(path), hint=hint)
    return Layer(str(path), {name.replace("-", "_"): value for name, value in content.items() if value is not None})
