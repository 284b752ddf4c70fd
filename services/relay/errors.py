"""Why the relay refuses a viewer.

RelayFault       each with the kind that the gateway maps to an HTTP status, and a sentence that anybody may read
+-- InvalidOffer an SDP offer that is none, or that this relay cannot answer
+-- NoRoom       as many viewers as this relay takes
+-- Draining     this relay is about to end
+-- PeerFault    WebRTC failed here, through no fault of the offer
"""

from typing import ClassVar

from proto.messages import RelayErrorKind


class RelayFault(Exception):
    """Base of everything that an offer can meet."""

    kind: ClassVar[RelayErrorKind] = RelayErrorKind.INTERNAL


class InvalidOffer(RelayFault):
    """Raised for an offer that is broken, or without H.264 video to be received."""

    kind = RelayErrorKind.INVALID


class NoRoom(RelayFault):
    """Raised at the limit of viewers."""

    kind = RelayErrorKind.EXHAUSTED


class Draining(RelayFault):
    """Raised from the start of a drain on."""

    kind = RelayErrorKind.UNAVAILABLE


class PeerFault(RelayFault):
    """Raised when no answer could be made."""
