"""Take the download addresses out of `uv.lock`.

An address names the package index of whoever locked, which is nobody else's business.
Versions stay, so `uv sync` resolves to the same ones against the reader's own index;
`requirements.lock` and `requirements-dev.lock` hold the hashes that `make` checks.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def without_addresses(lock: str) -> str:
    """Return the text of a `uv.lock` without any index or file address."""
    lock = re.sub(r'source = \{ registry = "[^"]*" \}', 'source = { registry = "." }', lock)
    lock = re.sub(r"^sdist = .*\n", "", lock, flags=re.MULTILINE)
    lock = re.sub(r"^wheels = \[\n(?:    .*\n)*\]\n", "", lock, flags=re.MULTILINE)
    # Without the recorded requirements uv checks the lock again, and fills in addresses.
    return re.sub(
        r"^\[package\.metadata[^\n]*\]\n(?:(?!\[\[package\]\]).*\n)*", "", lock, flags=re.MULTILINE
    )


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(without_addresses(path.read_text(encoding="utf-8")), encoding="utf-8")
