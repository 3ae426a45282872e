from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from digest.cli import main


def test_help_reads_neither_database_nor_web_nor_settings_libraries() -> None:
    heavy = "{'sqlmodel', 'pydantic', 'fastapi', 'httpx2', 'jinja2', 'rich', 'apscheduler'}"
    code = (
        "import sys; from digest.cli import main; main(['--help']); "
        f"sys.stderr.write(' '.join(sorted({heavy} & set(sys.modules))))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stderr == ""
    assert done.stdout.startswith("Usage: digest [OPTIONS] COMMAND")


def test_without_words_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code = main([])

    assert code == 0
    assert capsys.readouterr().out.startswith("Usage: digest [OPTIONS] COMMAND")


def test_a_terminal_that_cannot_write_a_sign_does_not_end_the_command(tmp_path: Path) -> None:
    environ = {"PATH": "", "PYTHONIOENCODING": "latin-1"}

    done = subprocess.run(
        [sys.executable, "-m", "digest", "why", "ada@example.org", "論文"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("digest: ?? is no identifier: write 2501.12345")
