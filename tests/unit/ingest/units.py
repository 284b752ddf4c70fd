"""Access units and NAL units made for tests."""

from services.ingest.stream.unit import AccessUnit, Codec, Session

H264 = Session(Codec.H264, b"")
H265 = Session(Codec.H265, b"")
MJPEG = Session(Codec.MJPEG, b"")

STEP_90K = 3_600


def unit(
    number: int, *, key: bool = False, data: bytes = b"\0\0\1\x41", suspect: bool = False, session: Session = H264
) -> AccessUnit:
    """The number-th picture at 25 a second."""
    return AccessUnit(data, number * STEP_90K, number * 40_000, key, suspect, session)


class BitWriter:
    """The inverse of BitReader."""

    def __init__(self) -> None:
        self._bits = ""

    def bits(self, value: int, count: int) -> "BitWriter":
        self._bits += f"{value:0{count}b}" if count else ""
        return self

    def ue(self, value: int) -> "BitWriter":
        code = f"{value + 1:b}"
        self._bits += "0" * (len(code) - 1) + code
        return self

    def se(self, value: int) -> "BitWriter":
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def rbsp(self) -> bytes:
        """With the stop bit, filled to a whole byte."""
        bits = self._bits + "1"
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")


def escaped(rbsp: bytes) -> bytes:
    """Put emulation prevention bytes in (section 7.4.1)."""
    out = bytearray()
    zeros = 0
    for byte in rbsp:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def nal(kind: int, rbsp: bytes, *, ref: int = 3) -> bytes:
    """An Annex B NAL unit."""
    return b"\0\0\0\1" + bytes([ref << 5 | kind]) + escaped(rbsp)


def sps(*, profile: int = 66, frame_num_bits: int = 4, sps_id: int = 0, has_fields: bool = False) -> bytes:
    writer = BitWriter().bits(profile, 8).bits(0, 8).bits(31, 8).ue(sps_id)
    if profile == 100:
        # 4:2:0, 8 bits, and a scaling matrix whose first list is given in part.
        writer.ue(1).ue(0).ue(0).bits(0, 1).bits(1, 1).bits(1, 1).se(-8).bits(0, 7)
    writer.ue(frame_num_bits - 4).ue(2).ue(1).bits(0, 1).ue(19).ue(14).bits(0 if has_fields else 1, 1)
    return nal(7, writer.rbsp())


def pps(*, pps_id: int = 0, sps_id: int = 0) -> bytes:
    return nal(8, BitWriter().ue(pps_id).ue(sps_id).bits(0, 2).rbsp())


def idr(*, frame_num_bits: int = 4) -> bytes:
    """An IDR with its parameter sets."""
    head = BitWriter().ue(0).ue(7).ue(0).bits(0, frame_num_bits).rbsp()
    return sps(frame_num_bits=frame_num_bits) + pps() + nal(5, head + b"picture")


def picture(
    frame_num: int, *, frame_num_bits: int = 4, is_reference: bool = True, first_block: int = 0, field: str = ""
) -> bytes:
    writer = BitWriter().ue(first_block).ue(5).ue(0).bits(frame_num, frame_num_bits)
    if field:
        writer.bits(1, 1).bits(field == "bottom", 1)
    return nal(1, writer.rbsp() + b"picture", ref=2 if is_reference else 0)
