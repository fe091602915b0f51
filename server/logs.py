"""Structured logs: JSON lines on stderr, ids instead of names, path patterns instead of paths."""

import logging
import sys

import structlog

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "error", "items", "route", "method", "status", "ms",
        "code", "topic", "type", "port", "host", "command", "exception", "count", "reason",
        "session", "location", "who", "attempt", "revision", "pid", "name", "place", "seconds",
    }
)  # fmt: skip
"""Fields that may be logged; another one is dropped, so that no name or address slips in."""


def only_allowed(
    _logger: object, _method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {name: value for name, value in fields.items() if name in ALLOWED}


def configure(level: str) -> None:
    """Send structlog and the libraries' own warnings to stderr as JSON lines."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            only_allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(number, logging.WARNING), format="%(message)s")
