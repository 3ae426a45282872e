"""The wheel is complete: built, installed elsewhere, and used outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def run(site: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "digest", *arguments],
        cwd=cwd,
        env=environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_wheel_carries_templates_configuration_and_migrations(installed: Path) -> None:
    carried = {
        "digest/_data/config/digest.toml",
        "digest/_data/templates/mail/digest.html",
        "digest/store/migrations/versions/0001_first_schema.py",
        "digest/store/migrations/script.py.mako",
    }

    missing = {name for name in carried if not (installed / name).is_file()}

    assert missing == set()


def test_wheel_does_the_main_job_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [sys.executable, "-P", "-c", "import digest; print(digest.__file__)"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(installed))

    done = run(installed, "demo", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*.eml")) != []


def test_wheel_checks_its_own_configuration(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "check", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
