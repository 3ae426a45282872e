"""The bundled folders are found."""

from __future__ import annotations

import pytest

from digest.resources import resource_dir


def test_the_bundled_configuration_is_found() -> None:
    assert (resource_dir("config") / "digest.toml").is_file()


def test_an_incomplete_installation_says_so() -> None:
    with pytest.raises(FileNotFoundError, match="install it again"):
        resource_dir("no-such-folder")
