"""Where a viewer's packets leave: the socket of the candidate pair that ICE has nominated."""

import socket
from collections.abc import Callable
from typing import Any, Final

SEND_BUFFER_BYTES: Final = 1024 * 1024
"""Of the socket: a keyframe is written at once, and may be more than the default of 208 KiB holds."""


class PairSocket:
    """The socket of the nominated candidate pair, written to directly: aiortc would await for every packet, and
    the event loop's transports keep what the socket does not take, without a bound."""

    def __init__(self) -> None:
        self.ice: Any = None
        self._pair: Any = None
        self._socket: socket.socket | None = None

    def writer(self) -> Callable[[bytes], object]:
        """Writes a datagram to the viewer. Raises BlockingIOError, or another OSError."""
        pair = self.ice._nominated.get(1) if self.ice is not None else None
        if pair is not self._pair:
            self._take(pair)
        if self._socket is None or pair is None:
            return _not_connected
        sendto, address = self._socket.sendto, pair.remote_addr
        return lambda datagram: sendto(datagram, address)

    def _take(self, pair: Any) -> None:
        self.close()
        self._pair = pair
        if pair is None or (inner := pair.protocol.transport.get_extra_info("socket")) is None:
            return
        # A descriptor of our own: uvloop's socket object cannot send, and aioice may close its own at any time.
        self._socket = socket.socket(fileno=socket.dup(inner.fileno()))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._pair = None


def _not_connected(datagram: bytes) -> None:
    raise OSError("no candidate pair is nominated")
