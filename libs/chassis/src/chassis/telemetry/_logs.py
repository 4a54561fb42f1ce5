"""Log lines as fields: a person reads them on a console, a machine reads them as JSON."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

from typing_extensions import override

from chassis.telemetry._trace import current_trace_id

__all__ = ["Logger", "bound", "configure_logging", "get_logger"]

_bound: ContextVar[Mapping[str, str]] = ContextVar("bound", default={})  # noqa: B039 (never mutated: replaced)
_LIBRARIES_THAT_TALK = ("faststream", "uvicorn", "httpx", "httpcore", "alembic", "sqlalchemy.engine", "asyncio")


class Logger:
    """A logger whose lines carry fields: ``log.info("task started", attempt=2)``."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, message: str, **fields: object) -> None:
        """Say what only a developer wants to know."""
        self._logger.debug(message, extra={"fields": fields})

    def info(self, message: str, **fields: object) -> None:
        """Say what happened."""
        self._logger.info(message, extra={"fields": fields})

    def warning(self, message: str, **fields: object) -> None:
        """Say what went wrong and will mend itself."""
        self._logger.warning(message, extra={"fields": fields})

    def error(self, message: str, *, exc_info: BaseException | bool = False, **fields: object) -> None:
        """Say what went wrong and needs somebody."""
        self._logger.error(message, exc_info=exc_info or None, extra={"fields": fields})

    def exception(self, message: str, **fields: object) -> None:
        """Like ``error``, with the traceback of the exception being handled."""
        self._logger.error(message, exc_info=True, extra={"fields": fields})


def get_logger(name: str) -> Logger:
    """A structured logger; its lines carry whatever ``bound`` put in the context."""
    return Logger(name)


@contextmanager
def bound(**ids: object) -> Iterator[None]:
    """Add these ids to every line logged inside the block; ``None`` adds nothing."""
    known = {name: str(value) for name, value in ids.items() if value is not None}
    token = _bound.set({**_bound.get(), **known})
    try:
        yield
    finally:
        _bound.reset(token)


def configure_logging(service: str, *, form: Literal["console", "json"] = "json", level: str = "INFO") -> None:
    """Send all logs of this process to stderr, once, in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(service) if form == "json" else _Console())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _LIBRARIES_THAT_TALK:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = dict(_bound.get())
    trace = current_trace_id()
    if trace is not None:
        fields["trace"] = trace
    given = getattr(record, "fields", None)
    if isinstance(given, dict):
        fields.update(given)
    return fields


class _Json(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class _Console(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items() if name != "trace")
        line = f"{at} {record.levelname[:4]} {record.name}: {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line
