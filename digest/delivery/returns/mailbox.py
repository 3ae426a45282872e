"""Where mails that came back lie: files, standard input, Maildirs.

A Maildir (https://cr.yp.to/proto/maildir.html) gives what is in `new/`, and what is in
`cur/` without the flag S (seen). What was taken in is renamed into `cur/` with that flag,
as a mail program does; what could not be read gets F (flagged) as well, so that a person
finds it. Nothing is ever deleted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from digest.delivery.returns.mime import MAX_BYTES
from digest.errors import ReportError

STDIN = "-"
_REST_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFile:
    """One file to take in: `name` as people are told it, `path` None for standard input.

    `maildir` is the Maildir in which it lies, or None.
    """

    name: str
    path: Path | None
    maildir: Path | None = None

    def read(self) -> bytes:
        """Read the beginning of the file, 250,000 bytes at most.

        Raises:
            ReportError: If it cannot be read.
        """
        try:
            if self.path is None:
                data = sys.stdin.buffer.read(MAX_BYTES)
                while sys.stdin.buffer.read(_REST_BYTES):
                    pass  # or the mail server that writes it would be told of a broken pipe
                return data
            with self.path.open("rb") as file:
                return file.read(MAX_BYTES)
        except OSError as exc:
            raise ReportError(f"cannot be read: {exc.strerror}") from exc

    def set_aside(self, *, readable: bool) -> None:
        """Mark a mail of a Maildir as seen; leave other files alone.

        Raises:
            ReportError: If it cannot be renamed: the next run takes it in again, which
                changes nothing.
        """
        if self.maildir is None or self.path is None:
            return
        name, _, info = self.path.name.partition(":2,")
        flags = "".join(sorted({*info, *("S" if readable else "FS")}))
        try:
            (self.maildir / "cur").mkdir(exist_ok=True)
            self.path.rename(self.maildir / "cur" / f"{name}:2,{flags}")
        except OSError as exc:
            raise ReportError(f"cannot be moved to cur/: {exc.strerror}") from exc


def mail_files(name: str, *, seen: bool = False) -> Iterator[MailFile]:
    """Find all files that a name means; one that leads nowhere is left to `read`.

    Args:
        name: A file, a Maildir, or `-` for standard input.
        seen: Whether mails of a Maildir that are marked as seen are meant too.

    Raises:
        ReportError: If it is a folder that cannot be listed, or no Maildir.
    """
    path = Path(name)
    if name == STDIN:
        yield MailFile(name="standard input", path=None)
    elif path.is_dir():
        yield from _of_maildir(path, seen=seen)
    else:
        yield MailFile(name=name, path=path)


def _of_maildir(folder: Path, *, seen: bool) -> Iterator[MailFile]:
    parts = [part for part in ("new", "cur") if (folder / part).is_dir()]
    if not parts:
        raise ReportError("is a folder, but no Maildir: it has neither new/ nor cur/")
    for part in parts:
        try:
            files = sorted(path for path in (folder / part).iterdir() if path.is_file())
        except OSError as exc:
            raise ReportError(f"{part}/ cannot be listed: {exc.strerror}") from exc
        for path in files:
            flags = path.name.partition(":2,")[2]
            if not path.name.startswith(".") and (seen or "S" not in flags):
                yield MailFile(name=str(path), path=path, maildir=folder)
