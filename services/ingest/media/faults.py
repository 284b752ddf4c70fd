"""libav's errors as reasons that an operator understands; mapped here once, and nothing of their text is kept."""

import errno
from typing import Final

import av.error

from proto.messages import DownReason
from services.ingest.errors import SessionEnded

_UNREACHABLE: Final = frozenset(
    (
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ETIMEDOUT,
        errno.EIO,  # a host name that is not known
    )
)
_CLOSED: Final = frozenset((errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE))


def opening_failed(error: Exception, *, took_s: float, limit_s: float) -> SessionEnded:
    """Why an RTSP session could not be opened. libav calls silence invalid data, so the time taken tells."""
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return SessionEnded(DownReason.BAD_CREDENTIALS)
        case av.error.HTTPNotFoundError():
            return SessionEnded(DownReason.NOT_FOUND)
        case av.error.HTTPError():
            return SessionEnded(DownReason.UNREACHABLE, "The camera answers, and refuses to send.")
        case av.error.HTTPClientError():
            return SessionEnded(DownReason.UNREACHABLE, "The camera answers, and refuses the request.")
    number = getattr(error, "errno", None)
    if isinstance(error, av.error.ExitError) or took_s >= limit_s:
        return SessionEnded(DownReason.UNREACHABLE, "The camera does not answer.")
    if number in _UNREACHABLE:
        return SessionEnded(DownReason.UNREACHABLE)
    if number in _CLOSED or isinstance(error, av.error.EOFError):
        return SessionEnded(DownReason.CLOSED_BY_CAMERA)
    return SessionEnded(DownReason.GARBAGE)


def reading_failed(error: Exception) -> SessionEnded:
    """Why a session that was open has ended."""
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return SessionEnded(DownReason.STALLED)
    if isinstance(error, av.error.InvalidDataError):
        return SessionEnded(DownReason.GARBAGE)
    return SessionEnded(DownReason.CLOSED_BY_CAMERA)
