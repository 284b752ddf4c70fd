"""For all tests: logs as plain JSON lines, as in production. structlog's own default draws tracebacks for seconds."""

import structlog

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
)
