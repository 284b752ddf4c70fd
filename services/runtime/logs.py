"""Logging: one JSON object a line on standard error, the service and its instance in each."""

import logging
import sys
from typing import cast

import structlog

Logger = structlog.stdlib.BoundLogger


def configure(service: str, instance: str, level: str = "INFO") -> None:
    """Send structlog and the standard library's logging to standard error as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # These libraries report each step of each connection at INFO; one failure, one line is ours to write.
    for noisy in ("aioice", "aiortc", "nats", "uvicorn.access", "libav"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Anybody may make it warn, once for each garbled request.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    structlog.contextvars.bind_contextvars(service=service, instance=instance)


def logger(name: str) -> Logger:
    """A logger of this module. Log what happened and its ids; never an address, a credential or a token."""
    # Bound lazily: modules make their loggers before `configure` has run.
    return cast(Logger, structlog.get_logger(name, module=name))
