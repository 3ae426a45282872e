"""Gzip, unpacked piece by piece within a cap. Pure."""

from __future__ import annotations

import zlib

_GZIP = 31  # wbits: a gzip wrapper with the largest window


class Unpacker:
    """Unpacks one gzip stream and never makes more than `limit` bytes, plus one.

    Args:
        limit: Bytes wanted at most; whoever gets more refuses the document.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit + 1
        self._stream = zlib.decompressobj(_GZIP)

    @property
    def is_complete(self) -> bool:
        """Whether the stream came to its proper end."""
        return self._stream.eof

    def feed(self, chunk: bytes) -> bytes:
        """Unpack a piece; b"" once the cap is reached.

        Raises:
            zlib.error: If this is no gzip.
        """
        made = bytearray()
        data = chunk
        while data and self._left > 0:
            if self._stream.eof:
                if not data.startswith(b"\x1f\x8b"):
                    break  # padding after the end, which servers do send
                self._stream = zlib.decompressobj(_GZIP)
            piece = self._stream.decompress(data, self._left)
            self._left -= len(piece)
            made += piece
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
        return bytes(made)
