"""Where the bundled templates, configuration and sample feeds are."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: str) -> Path:
    """Return the folder `name` ("templates", "config") of this installation.

    A wheel carries the top-level folders under `digest/_data`; in a checkout, or an
    editable install, they stand beside the package.

    Raises:
        FileNotFoundError: If the installation is incomplete.
    """
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"this installation lacks its {name}/ folder: install it again")
