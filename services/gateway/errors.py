"""Errors of the gateway. `http/answers.py` gives each its HTTP status and kind, once.

GatewayFault
+-- Malformed        what came is not in the form that it should be in at all
+-- Invalid          well formed, and may not be so
+-- WrongMediaType   a body of another kind than the one wanted
+-- TooLarge         a body over its limit
+-- TooSlow          a body that took too long to arrive
+-- Unauthenticated  nobody is signed in here
+-- Denied           somebody is, who may not
+-- NotFound         there is no such thing
+-- Conflicted       somebody else was first
+-- Throttled        too many attempts; says when the next may come
+-- OutOfReach       who would have to do it is not there; says when to come again
    +-- TooLate      it was asked, and did not answer in time

The text is one sentence for a person. It never holds a credential, a token or the insides of a failure.
"""


class GatewayFault(Exception):
    """Base of everything raised here."""

    @property
    def detail(self) -> str:
        return str(self)


class Malformed(GatewayFault):
    """Raised for a body that cannot be read: not JSON, not text, no SDP."""


class Invalid(GatewayFault):
    """Raised for a value that may not be."""


class WrongMediaType(GatewayFault):
    """Raised for a body whose Content-Type is another one."""


class TooLarge(GatewayFault):
    """Raised while a body is read, as soon as it passes its limit."""


class TooSlow(GatewayFault):
    """Raised when a body has not arrived in time."""


class Unauthenticated(GatewayFault):
    """Raised for a missing, unknown or ended session, and for a wrong name or password."""


class Denied(GatewayFault):
    """Raised when the policy says no, or a request comes from another site's page."""


class NotFound(GatewayFault):
    """Raised for an unknown camera, session, token or file."""


class Conflicted(GatewayFault):
    """Raised when somebody else has changed the same thing meanwhile."""


class Throttled(GatewayFault):
    """Raised when somebody tries too often."""

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class OutOfReach(GatewayFault):
    """Raised when the bus, the store, the record or a relay is not there."""

    def __init__(self, detail: str, retry_after_s: float = 2.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class TooLate(OutOfReach):
    """Raised when an answer did not come in time. Whether the act was done is unknown."""
