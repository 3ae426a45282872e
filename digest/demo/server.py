"""Serves the sample feeds of one day on loopback, as a feed's server would."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONTENT_TYPES = {".json": "application/json", ".xml": "text/xml", ".rdf": "text/xml"}


@dataclass(slots=True)
class SampleFeeds:
    """What is served: the documents of `folder`, at `base_url`. Set `folder` to change day."""

    folder: Path
    base_url: str = ""


@contextmanager
def serve_samples(samples: SampleFeeds) -> Iterator[SampleFeeds]:
    """Serve until the block ends; sets `base_url`."""

    class Handler(_SampleHandler):
        feeds = samples

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        samples.base_url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield samples
        finally:
            server.shutdown()
            thread.join()


class _SampleHandler(BaseHTTPRequestHandler):
    feeds: SampleFeeds
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the document, or 304 where the reader has it already."""
        path = self.feeds.folder / Path(self.path.partition("?")[0]).name
        if path.suffix not in CONTENT_TYPES or not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.send_header("ETag", etag)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPES[path.suffix])
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Stay silent: the poll is reported by who polls."""
