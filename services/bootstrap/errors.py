"""Errors of the bootstrap.

BootstrapFault
+-- BadKey              a seed, token or creds file that is not what it should be
+-- IdentityIncomplete  a part of the identity is missing and must not be made anew
+-- IdentityMismatch    the folder belongs to another site, or its parts to different identities
+-- WrongPlan           settings from which no sound server configuration can be made
+-- AccountRefused      the server does not accept the site's account
+-- StreamRefused       the server does not accept a stream
+-- ServerFailed        nats-server is missing, does not start, or keeps ending
"""


class BootstrapFault(Exception):
    """Base of everything raised here. Its text never holds a seed or a token."""


class BadKey(BootstrapFault):
    """Raised for a file of the identity that is damaged, of the wrong kind, or open to everybody."""


class IdentityIncomplete(BootstrapFault):
    """Raised when a key is missing that would have to be restored from a copy, since making a new one would
    make another site of this one."""


class IdentityMismatch(BootstrapFault):
    """Raised when the folder holds another site's identity, or parts that do not belong together."""


class WrongPlan(BootstrapFault):
    """Raised for a server configuration that would be unsound or could not be written down."""


class AccountRefused(BootstrapFault):
    """Raised when the server does not take the account's claims."""


class StreamRefused(BootstrapFault):
    """Raised when the server does not take a stream's configuration."""


class ServerFailed(BootstrapFault):
    """Raised when nats-server is missing, does not start, or keeps ending."""
