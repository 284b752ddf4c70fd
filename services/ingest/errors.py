"""Errors of ingest, and the sentences that people read about them.

IngestFault
+-- SessionEnded     an RTSP session could not be opened, or has ended; carries a DownReason
+-- PictureRefused   a picture that cannot go into the ring; carries a DownReason

No text of a library and no address ever goes into one: libav puts the whole address, credentials included, into its
errors. Who raises one of these from a foreign error says `from None` for the same reason.
"""

from proto.messages import DownReason

SENTENCES: dict[DownReason, str] = {
    DownReason.BAD_ADDRESS: "The camera's entry in the registry cannot be used.",
    DownReason.UNREACHABLE: "The camera cannot be reached.",
    DownReason.BAD_CREDENTIALS: "The camera refuses the name or the password.",
    DownReason.NOT_FOUND: "The camera has no such stream.",
    DownReason.NO_VIDEO: "The camera's stream carries no video.",
    DownReason.UNSUPPORTED_CODEC: "The camera's video is neither H.264, H.265 nor MJPEG.",
    DownReason.UNSUPPORTED_SIZE: "The camera's picture is too small or too large.",
    DownReason.GARBAGE: "What answers there does not talk RTSP as a camera does.",
    DownReason.STALLED: "The camera has stopped sending, its connection still open.",
    DownReason.CLOSED_BY_CAMERA: "The camera has closed the connection.",
    DownReason.NO_RING_SPACE: "There is no memory left for the camera's pictures.",
}


class IngestFault(Exception):
    """Base of everything raised here."""

    def __init__(self, reason: DownReason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail or SENTENCES[reason]
        super().__init__(self.detail)


class SessionEnded(IngestFault):
    """Raised when an RTSP session could not be opened or has ended."""


class PictureRefused(IngestFault):
    """Raised when a picture cannot go into the ring."""
