"""Bits of an RBSP: fixed-length fields and Exp-Golomb codes (ITU-T H.264 sections 7.3.1 and 9.1)."""


class MalformedNal(ValueError):
    """Raised for a NAL unit that ends early, or says what cannot be."""


class BitReader:
    """Reads from the most significant bit on. Raises MalformedNal past the end."""

    def __init__(self, rbsp: bytes) -> None:
        self._value = int.from_bytes(rbsp, "big")
        self._left = len(rbsp) * 8

    def bits(self, count: int) -> int:
        """`u(count)`."""
        if count > self._left:
            raise MalformedNal("ends early")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def flag(self) -> bool:
        return self.bits(1) == 1

    def ue(self) -> int:
        """`ue(v)`, at most 32 bits as the standard has it."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > 32:
                raise MalformedNal("an Exp-Golomb code of more than 32 bits")
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """`se(v)`."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def unescaped(nal: bytes) -> bytes:
    """Take out the emulation prevention bytes: 00 00 03 stands for 00 00."""
    return nal.replace(b"\0\0\x03", b"\0\0")
