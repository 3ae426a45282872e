"""Logs: structlog on stderr, for a person at a terminal, as JSON elsewhere.

Events are constant text, facts are fields. Addresses, tokens and bodies never belong in
them; should one slip in with the words of a server, it is taken out of the finished line.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_PRIVATE_FIELDS = frozenset({"email", "address", "recipient", "token", "body", "password"})
_ADDRESS = re.compile(r"[^\s<>\"'@]+@[^\s<>\"'@]+")
_QUIET_LIBRARIES = ("apscheduler", "asyncio", "httpcore", "httpcore2", "httpx", "httpx2", "uvicorn")


def configure_logs(*, level: str = "warning", environ: Mapping[str, str] = os.environ) -> None:
    """Set up logging of this process.

    Args:
        level: Least level that is written; `DIGEST_LOG_LEVEL` wins.
        environ: `DIGEST_LOG_FORMAT` is `console` or `json`; by default a terminal gets
            the first, everything else the second.
    """
    named = environ.get("DIGEST_LOG_LEVEL", level).lower()
    least = logging.getLevelNamesMapping().get(named.upper(), logging.INFO)
    wanted = environ.get("DIGEST_LOG_FORMAT", "")
    console = wanted == "console" or (wanted != "json" and sys.stderr.isatty())
    # Variables are left out of tracebacks: they hold addresses and bodies.
    exceptions = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    last: list[structlog.typing.Processor] = (
        [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty() and "NO_COLOR" not in environ,
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
        if console
        else [
            structlog.processors.ExceptionRenderer(exceptions),
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _drop_private_fields,
            *last,
            _drop_addresses,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=_StderrLoggers(),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s", force=True)
    for library in _QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


class _StderrLoggers:
    """Write to the stderr of the moment, so that a replaced stream is honoured."""

    def __call__(self, *_args: Any) -> structlog.PrintLogger:
        return structlog.PrintLogger(file=sys.stderr)


def _drop_private_fields(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name in _PRIVATE_FIELDS & event.keys():
        event[name] = "(not logged)"
    return event


def _drop_addresses(_logger: Any, _method: str, line: Any) -> str:
    """Take addresses out of a finished line, wherever they stood in it."""
    return _ADDRESS.sub("(address)", str(line))
