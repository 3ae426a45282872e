"""The key that signs the links in mails, made where none is set."""

from __future__ import annotations

import os
import secrets

from digest.errors import ConfigError
from digest.settings.whole import Settings


def ensure_secret_key(settings: Settings) -> str:
    """Return the secret key, making one in `data_dir` the first time none is set.

    Raises:
        ConfigError: If the key file cannot be read or written.
    """
    if settings.service.secret_key:
        return settings.service.secret_key
    path = settings.service.data_dir / "secret_key"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.touch(mode=0o600)
            temporary.write_text(secrets.token_urlsafe(48) + "\n", encoding="ascii")
            try:
                os.link(temporary, path)  # fails where another process was first
            except FileExistsError:
                return path.read_text(encoding="ascii").strip()
            finally:
                temporary.unlink()
        key = path.read_text(encoding="ascii").strip()
    except OSError as exc:
        raise ConfigError([f"service.secret_key: {path} cannot be used: {exc.strerror}"]) from exc
    if len(key) < 32:
        raise ConfigError([f"service.secret_key: {path} holds fewer than 32 characters"])
    return key
