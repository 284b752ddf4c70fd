"""Errors of the simulated camera.

DeviceError
├── InvalidSpec  a clip, a camera or a fault that cannot be: the caller's mistake
├── ClipNotMade  the process that draws clips failed
├── BrokenClip   a file in the cache that is not what was written there
└── PortTaken    the address cannot be bound
"""


class DeviceError(Exception):
    """Root of the device's errors."""


class InvalidSpec(DeviceError):
    """What was asked for cannot be made."""


class ClipNotMade(DeviceError):
    """Drawing or encoding failed, or its folder cannot be written."""


class BrokenClip(DeviceError):
    """A cached clip is cut or damaged; it is made again."""


class PortTaken(DeviceError):
    """The device cannot listen where it was told to."""
