"""Times as answers write them."""

from datetime import datetime


def iso(when: datetime) -> str:
    """RFC 3339 with milliseconds, UTC as `Z`."""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
