"""Errors of the mask service.

MaskServiceFault
+-- UnreadableMaskSet  a stored mask set or pointer that cannot be used; the camera is withheld
+-- EncoderFault       libx264 or the JPEG encoder failed; the camera is withheld until it works again
"""


class MaskServiceFault(Exception):
    """Base of everything raised here."""


class UnreadableMaskSet(MaskServiceFault):
    """Raised when what is stored is no mask set of this camera and revision."""


class EncoderFault(MaskServiceFault):
    """Raised when a picture could not be encoded."""
