"""The parsing process: reads documents from stdin, writes entries to stdout.

Run as `python -m digest.feeds.child`. A frame is a length in four bytes, a JSON header
of that length, and for requests the document itself. It limits its own memory and
processor time, so that it ends by itself even if the parent is gone.
"""

from __future__ import annotations

import contextlib
import json
import math
import resource
import sys
import time
from typing import IO, Any

from digest.errors import ParseError
from digest.feeds.parse import parse_document
from digest.feeds.wire import encode_parsed
from digest.model import FeedKind

LENGTH_BYTES = 4


def main() -> None:
    """Serve until stdin ends."""
    limits = json.loads(sys.argv[1])
    limit_memory(int(limits["memory_bytes"]))
    serve(sys.stdin.buffer, sys.stdout.buffer, cpu_s=float(limits["cpu_s"]))


def serve(requests: IO[bytes], replies: IO[bytes], *, cpu_s: float | None) -> None:
    """Answer each request on `requests`: b"+" and entries, or b"-" and a cause."""
    while head := requests.read(LENGTH_BYTES):
        header: dict[str, Any] = json.loads(requests.read(int.from_bytes(head)))
        body = requests.read(header["body_bytes"])
        if cpu_s is not None:
            limit_cpu(cpu_s)
        reply = _answer(header, body)
        replies.write(len(reply).to_bytes(LENGTH_BYTES) + reply)
        replies.flush()


def _answer(header: dict[str, Any], body: bytes) -> bytes:
    try:
        return b"+" + encode_parsed(
            parse_document(
                body,
                kind=FeedKind(header["kind"]),
                url=header["url"],
                content_type=header["content_type"],
                max_entries=header["max_entries"],
            )
        )
    except ParseError as exc:
        return b"-" + exc.cause.encode("utf-8", errors="replace")
    except MemoryError:
        return b"-it needs too much memory to read"


def limit_memory(size_bytes: int) -> None:
    """Cap the address space, where the system can."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))


def limit_cpu(seconds: float) -> None:
    """Let this process use that much more processor time, then be ended by the system."""
    soft = math.ceil(time.process_time() + seconds)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
