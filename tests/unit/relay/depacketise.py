"""The other side of packetising: RTP payloads back into NAL units (RFC 6184), as a viewer reads them."""

from collections.abc import Iterable


def depacketise(payloads: Iterable[bytes]) -> list[bytes]:
    """Raises ValueError for a fragment out of place."""
    nals: list[bytes] = []
    fragments: bytearray | None = None
    for payload in payloads:
        kind = payload[0] & 0x1F
        if kind == 28:
            start, end = payload[1] & 0x80, payload[1] & 0x40
            if start:
                fragments = bytearray((payload[0] & 0xE0 | payload[1] & 0x1F,))
            if fragments is None:
                raise ValueError("a fragment without its start")
            fragments += payload[2:]
            if end:
                nals.append(bytes(fragments))
                fragments = None
        elif fragments is not None:
            raise ValueError("a NAL unit within fragments")
        else:
            nals += _aggregated(payload) if kind == 24 else [payload]
    if fragments is not None:
        raise ValueError("fragments without an end")
    return nals


def _aggregated(payload: bytes) -> list[bytes]:
    nals = []
    at = 1
    while at < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        nals.append(payload[at + 2 : at + 2 + size])
        at += 2 + size
    return nals
