"""Frame number that survives masking, scaling and lossy encoding: a row of black and white cells in the picture.

The row lies at the top left, on a black plate, at places given as shares of the picture's size, so that a picture
of any size can be read. 32 cells: a guard of 8, the number's 16 bits, 8 bits of CRC, most significant first.
"""

import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.uint8]

MAX_NUMBER = 0xFFFF

GUARD = 0b1101_0010
CELLS = 32
LEFT, TOP = 0.0125, 0.0185
CELL_WIDTH, CELL_HEIGHT = 0.0125, 0.0296
"""Of one cell, as shares of the picture's width and height: 24 x 32 pixels at 1080p, 8 x 11 at 640 x 360."""

_BLACK, _WHITE = 16, 235
_LEAST_CONTRAST = 60
"""Between a white and a black cell: a picture that was masked or is only noise has less."""


def draw(luma: Luma, number: int) -> None:
    """Write `number` into a luma plane, in place. Raises ValueError for one outside 0..65535."""
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"frame number {number} is outside 0..{MAX_NUMBER}")
    height, width = luma.shape
    luma[plate(height, width)] = _BLACK
    top, bottom = round(TOP * height), round((TOP + CELL_HEIGHT) * height)
    edges = np.rint((LEFT + CELL_WIDTH * np.arange(CELLS + 1)) * width).astype(int)
    for cell, bit in enumerate(_bits(number)):
        if bit:
            luma[top:bottom, edges[cell] : edges[cell + 1]] = _WHITE


def plate(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a plane of that size which the stamp takes up."""
    bottom, right = TOP * 2 + CELL_HEIGHT, LEFT * 2 + CELLS * CELL_WIDTH
    return slice(0, round(bottom * height)), slice(0, round(right * width))


def read(luma: Luma) -> int | None:
    """Return the number in a luma plane of any size, or None where none can be trusted."""
    if luma.ndim != 2 or luma.shape[0] < 60 or luma.shape[1] < 120:
        return None
    levels = _levels(luma)
    guard = _unpacked(GUARD, 8)
    white, black = levels[:8][guard].min(), levels[:8][~guard].max()
    if white - black < _LEAST_CONTRAST:
        return None
    bits = levels > (white + black) / 2
    number, crc = _packed(bits[8:24]), _packed(bits[24:])
    return number if crc == _crc8(number) else None


def _levels(luma: Luma) -> npt.NDArray[np.float64]:
    """Mean of the inner part of each cell, away from what its neighbours bleed into it."""
    height, width = luma.shape
    top = round((TOP + CELL_HEIGHT * 0.3) * height)
    rows = luma[top : max(top + 1, round((TOP + CELL_HEIGHT * 0.7) * height))].mean(axis=0)
    starts = (LEFT + CELL_WIDTH * (np.arange(CELLS) + 0.5)) * width
    reach = CELL_WIDTH * 0.2 * width
    return np.array([rows[int(x - reach) : max(int(x - reach) + 1, int(x + reach + 0.5))].mean() for x in starts])


def _bits(number: int) -> npt.NDArray[np.bool_]:
    return np.concatenate([_unpacked(GUARD, 8), _unpacked(number, 16), _unpacked(_crc8(number), 8)])


def _unpacked(value: int, count: int) -> npt.NDArray[np.bool_]:
    return np.array([bool(value >> shift & 1) for shift in reversed(range(count))])


def _packed(bits: npt.NDArray[np.bool_]) -> int:
    value = 0
    for bit in bits:
        value = value << 1 | int(bit)
    return value


def _crc8(number: int) -> int:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1, started at 0xFF so that an all-black row is wrong."""
    crc = 0xFF
    for byte in number.to_bytes(2, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
