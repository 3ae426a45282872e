from __future__ import annotations

import io

import pytest

from digest.cli import progress
from digest.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_quick_work_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    with Progress("polling") as shown:
        shown.step("arxiv")

    assert terminal.getvalue() == ""


def test_long_work_shows_one_line_and_wipes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.0)

    with Progress("importing", total=900) as shown:
        shown.step(done=500)

    assert terminal.getvalue() == "\r\x1b[Kimporting: 500 of 900\r\x1b[K"


def test_a_file_gets_no_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.0)

    with Progress("polling") as shown:
        shown.step("arxiv")

    assert capsys.readouterr().err == ""
