"""Every command, option and setting is documented, and nothing that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.main import get_command

from digest.cli.app import app
from digest.settings import FeedSettings, Settings

DOCS = Path(__file__).resolve().parents[3] / "docs"
COMMAND = re.compile(r"`digest ([^`]*)`")


def commands(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    subcommands = getattr(node, "commands", None)
    if subcommands is None:
        yield " ".join(path), node
        return
    for name, child in subcommands.items():
        yield from commands(child, (*path, name))


COMMANDS = dict(commands(get_command(app)))


def sections() -> dict[str, str]:
    """The text under the heading of each command, heading included."""
    found = {}
    for part in re.split(
        r"^### ", (DOCS / "cli.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )[1:]:
        heading = part.splitlines()[0]
        text = re.split(r"^## ", part, flags=re.MULTILINE)[0]
        for words in COMMAND.findall(heading):
            name = " ".join(re.match(r"[a-z ]+", words)[0].split())  # type: ignore[index]
            found[name] = text
    return found


def test_every_command_has_its_section_and_every_section_its_command() -> None:
    assert sorted(sections()) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_and_argument_of_a_command_is_documented(name: str) -> None:
    text = sections()[name]

    missing = [
        word
        for parameter in COMMANDS[name].params
        for word in (
            parameter.opts
            if parameter.opts[0].startswith("--")
            else [(parameter.metavar or "").strip("[].{}")]
        )
        if word not in {"--json", "--at"} and word not in text
    ]

    assert missing == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_help_says_what_it_does_and_ends_with_an_example(name: str) -> None:
    command = COMMANDS[name]

    assert command.help
    assert f"Example:\n  digest {name.split(maxsplit=1)[0]}" in command.epilog
    assert {"--json", "--at"} <= {word for one in command.params for word in one.opts}


def settings_of(section: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in section.model_fields.items()}


def documented(heading: str) -> set[str]:
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    part = text.split(f"## `{heading}`", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `(\w+)` \|", part, flags=re.MULTILINE))


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - {"feed"}))
def test_every_setting_is_documented(name: str) -> None:
    section = Settings.model_fields[name].annotation

    assert isinstance(section, type)
    assert issubclass(section, BaseModel)
    assert documented(f"[{name}]") == settings_of(section)


def test_every_key_of_a_feed_is_documented() -> None:
    assert documented("[[feed]]") == settings_of(FeedSettings)
