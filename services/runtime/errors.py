"""Errors that the shared plumbing raises.

RuntimeFault
+-- Unavailable      nobody there to do it: no connection, no responder, store out of reach
+-- DeadlineExceeded asked, and no answer in time
+-- Conflict         somebody else wrote the key first
+-- Refused          the server says that this user may not, or that the request is wrong
+-- RingFault        a frame ring that cannot be made, or that is not one
"""


class RuntimeFault(Exception):
    """Base of everything raised here."""


class Unavailable(RuntimeFault):
    """Raised when there is no connection, no responder, or the store does not answer."""


class DeadlineExceeded(Unavailable):
    """Raised when an answer did not come in time. Whether the act was done is unknown."""


class Conflict(RuntimeFault):
    """Raised by a compare-and-set write whose revision is no longer the last."""


class Refused(RuntimeFault):
    """Raised when the server refuses a request for good."""


class RingFault(RuntimeFault):
    """Raised when a ring cannot be made for want of space, or a file is not a ring of this version."""
