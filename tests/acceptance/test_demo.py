"""`digest demo`, from the first line to the mails in the folder that it names."""

from __future__ import annotations

import email
import email.policy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def play(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if "DIGEST_" not in name}
    return subprocess.run(
        [sys.executable, "-m", "digest", "demo", *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, play(folder)


def test_the_demo_ends_well_and_names_the_outbox(
    told: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = told

    last = done.stdout.splitlines()[-1]

    assert done.returncode == 0
    assert done.stderr == ""
    assert last == "6 mails for any mail program: var/demo/outbox"
    assert len(list((folder / "var/demo/outbox").glob("*.eml"))) == 6


def test_the_demo_shows_reasons_left_overs_and_the_proof(
    told: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = told

    assert "13:00 UTC  ada@example.org  sent, 5 papers (3 more found no room)" in done.stdout
    assert "tag «cs.CV»" in done.stdout
    assert "Nothing twice, counted in the mails themselves" in done.stdout
    assert "+42 upvotes" in done.stdout
    assert "version 2" in done.stdout
    assert "now also on arxiv" in done.stdout


def test_every_mail_of_the_demo_opens_with_a_text_and_an_html_part(
    told: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = told

    for path in (folder / "var/demo/outbox").glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)

        assert message.defects == []
        assert message["To"] in {"ada@example.org", "kenji@example.org", "rosalind@example.org"}
        assert [part.get_content_type() for part in message.walk()] == [
            "multipart/alternative",
            "text/plain",
            "text/html",
        ]


def test_the_demo_can_be_played_again_and_tells_the_same(tmp_path: Path) -> None:
    first = json.loads(play(tmp_path, "--json").stdout)
    again = json.loads(play(tmp_path, "--json").stdout)

    assert first == again
    assert [one["twice"] for one in first["subscribers"]] == [0, 0, 0]
    assert [one["copies"] for one in first["seen_again"]] == [1, 1, 1, 1, 1]
    assert [day["prepared_again"] for day in first["days"]] == [0, 0, 0]


def test_the_demo_leaves_other_files_of_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("chapter one", encoding="utf-8")

    done = play(tmp_path, "--folder", "mine")

    assert done.returncode == 0
    assert (tmp_path / "mine" / "thesis.txt").read_text(encoding="utf-8") == "chapter one"
