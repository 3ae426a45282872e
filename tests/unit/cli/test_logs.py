from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from digest.logs import configure_logs


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_logs_go_to_stderr_as_json_where_nobody_watches(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(level="info", environ={})

    structlog.get_logger().info("feed polled", feed="arxiv", new=3)

    (line,) = lines(capsys)
    assert line["event"] == "feed polled"
    assert line["feed"] == "arxiv"
    assert line["new"] == 3
    assert line["level"] == "info"


def test_addresses_and_tokens_never_reach_the_logs(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="info", environ={})

    structlog.get_logger().info(
        "delivered", email="ada@example.org", token="s3cret", reply="550 <ada@example.org> unknown"
    )

    (line,) = lines(capsys)
    assert line["email"] == "(not logged)"
    assert line["token"] == "(not logged)"
    assert line["reply"] == "550 <(address)> unknown"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_logged_without_addresses_in_words_or_variables(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    def hand_off(recipient: str) -> None:
        raise ValueError(f"{recipient} of {len(recipient)} characters")

    configure_logs(level="info", environ={"DIGEST_LOG_FORMAT": log_format})

    try:
        hand_off("ada@example.org")
    except ValueError:
        structlog.get_logger().exception("tick failed")

    written = capsys.readouterr().err
    assert "ValueError" in written
    assert "(address) of 15 characters" in written
    assert "ada@example.org" not in written


def test_the_environment_chooses_level_and_format(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(
        level="info", environ={"DIGEST_LOG_LEVEL": "warning", "DIGEST_LOG_FORMAT": "console"}
    )

    structlog.get_logger().info("feed polled")
    structlog.get_logger().warning("feed stale", feed="arxiv")

    written = capsys.readouterr().err
    assert "feed polled" not in written
    assert "feed stale" in written
    assert "feed=arxiv" in written


def test_an_unknown_level_means_info(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="chatty", environ={})

    structlog.get_logger().info("feed polled")

    assert len(lines(capsys)) == 1
