"""DNS for tests: a zone as a dictionary, asked directly or over UDP on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from digest.delivery.dns.records import LookupFailedError

Zone = Mapping[tuple[str, str], tuple[str, ...]]
"""By name and type, the records as a zone file writes them: `('x.example', 'MX'): ('10 a.',)`."""

SILENT = ("silent",)
BROKEN = ("broken",)


@dataclass(slots=True)
class FakeResolver:
    """Answers out of a zone; keeps what it was asked."""

    zone: Zone
    asked: list[tuple[str, str]] = field(default_factory=list)

    def txt(self, name: str) -> tuple[str, ...]:
        return tuple(text.strip('"').replace('" "', "") for text in self._ask(name, "TXT"))

    def mx(self, name: str) -> tuple[str, ...]:
        pairs = sorted((int(one.split()[0]), one.split()[1]) for one in self._ask(name, "MX"))
        return tuple(host.rstrip(".").lower() for _, host in pairs)

    def addresses(self, name: str) -> tuple[str, ...]:
        return (*self._ask(name, "A"), *self._ask(name, "AAAA"))

    def _ask(self, name: str, kind: str) -> tuple[str, ...]:
        self.asked.append((name, kind))
        found = self.zone.get((name, kind), ())
        if found is SILENT:
            raise LookupFailedError(name, "no answer within 0.5 s")
        if found is BROKEN:
            raise LookupFailedError(name, "no usable answer (NoNameservers)")
        return found


@contextmanager
def serve_zone(zone: Zone) -> Iterator[int]:
    """Serve a zone on a free UDP port of 127.0.0.1; gives the port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(server, zone))
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
            stop.sendto(b"stop", server.getsockname())
        thread.join()
        server.close()


def _serve(server: socket.socket, zone: Zone) -> None:
    while True:
        wire, client = server.recvfrom(4096)
        if wire == b"stop":
            return
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        found = zone.get((name, kind), ())
        if found is SILENT:
            continue
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA | dns.flags.RA
        if found is BROKEN:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif found:
            reply.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, found))
        elif not any(known == name for known, _ in zone):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        server.sendto(reply.to_wire(), client)
