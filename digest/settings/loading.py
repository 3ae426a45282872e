"""Reading the configuration: a TOML file, under the environment."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from digest.errors import ConfigError
from digest.resources import resource_dir
from digest.settings.whole import Settings, Tables, clashes

_SECRETS = (
    ("service", "secret_key"),
    ("service", "secret_keys_old"),
    ("smtp", "password"),
    ("database", "url"),
)
_ENV_PREFIX = "DIGEST_"


def load_settings(config: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the configuration.

    Args:
        config: File named by `--config`, or None for `DIGEST_CONFIG`, then
            `config/digest.toml` of the working directory, then the bundled one.
        environ: The environment.

    Raises:
        ConfigError: With all problems at once, each with its key.
    """
    path = config or _default_file(environ)
    data = _read_toml(path)
    problems: list[str] = []
    _apply_environment(data, environ, problems)
    problems += _problems_of(data, path)
    if problems:
        raise ConfigError(problems)
    return Settings.model_validate(data)


def _problems_of(data: dict[str, Any], path: Path) -> list[str]:
    """Say all that is wrong: key by key, then between those keys that are right."""
    wrong: list[ErrorDetails] = []
    try:
        tables = Tables.model_validate(data)
    except ValidationError as exc:
        wrong = exc.errors()
        tables = Tables.model_validate(_without(data, [error["loc"] for error in wrong]))
    bad = {error["loc"][:2] for error in wrong}
    found = clashes(tables, _feed_names(data))
    return [
        *(_plain(error, path) for error in wrong),
        *(clash.said for clash in found if not clash.keys & bad),
    ]


def _without(data: dict[str, Any], places: Sequence[tuple[int | str, ...]]) -> dict[str, Any]:
    """Leave out what stands at these places: a key of a table, a whole `[[feed]]`, a table."""
    tables = {place[0] for place in places if len(place) == 1}
    keys = {place[:2] for place in places}
    kept: dict[str, Any] = {}
    for name, table in data.items():
        if name in tables:
            continue
        if isinstance(table, dict):
            kept[name] = {key: value for key, value in table.items() if (name, key) not in keys}
        else:
            kept[name] = [one for at, one in enumerate(table) if (name, at) not in keys]
    return kept


def _feed_names(data: dict[str, Any]) -> list[str]:
    feeds = data.get("feed")
    names = [one.get("name") for one in feeds or () if isinstance(one, dict)]
    return [name for name in names if isinstance(name, str)]


def _default_file(environ: Mapping[str, str]) -> Path:
    named = environ.get("DIGEST_CONFIG")
    if named:
        return Path(named)
    local = Path("config/digest.toml")
    return local if local.is_file() else resource_dir("config") / "digest.toml"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as exc:
        raise ConfigError([f"{path}: cannot be read: {exc.strerror}"]) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError([f"{path}: is not TOML: {exc}"]) from exc


def _apply_environment(
    data: dict[str, Any], environ: Mapping[str, str], problems: list[str]
) -> None:
    """Lay `DIGEST_SECTION__KEY` over the file's values; JSON for lists."""
    for name, given in sorted(environ.items()):
        value = given
        if not name.startswith(_ENV_PREFIX) or "__" not in name:
            continue
        section, _, key = name[len(_ENV_PREFIX) :].lower().partition("__")
        if key.endswith("_file") and (section, key[: -len("_file")]) in _SECRETS:
            key = key[: -len("_file")]
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except OSError as exc:
                problems.append(f"{name}: {value} cannot be read: {exc.strerror}")
                continue
        table = data.setdefault(section, {})
        if not isinstance(table, dict):
            problems.append(f"{name}: {section} is not a section that the environment can set")
            continue
        table[key] = value
    for section, key in _SECRETS:
        table = data.get(section)
        if isinstance(table, dict) and f"{key}_file" in table:
            source = table.pop(f"{key}_file")
            try:
                table[key] = Path(str(source)).read_text(encoding="utf-8").strip()
            except OSError as exc:
                problems.append(f"{section}.{key}_file: {source} cannot be read: {exc.strerror}")


def _plain(error: ErrorDetails, path: Path) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key in {path} or the environment"
    message = str(error["msg"]).removeprefix("Value error, ")
    message = f"{message[0].lower()}{message[1:]}"
    return f"{key}: {message}"
