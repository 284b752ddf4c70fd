"""Blacking out, in place, on I420 pictures as they lie in the ring."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.mask.masks.raster import Cover, chroma_cover

BLACK_LUMA: Final = 16
BLACK_CHROMA: Final = 128
"""Black in limited range, BT.601 and BT.709 alike."""

_GAP_ROWS: Final = 32
"""Bands with fewer free rows between them are joined: one long run is faster than two short ones."""

_Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Band:
    """A run of whole rows of one plane: `keep` has ones where the picture stays, `black` the value elsewhere."""

    start: int
    stop: int
    keep: _Bytes
    black: _Bytes


class Blackout:
    """A cover compiled for one picture size. Immutable; apply it to any number of pictures.

    And-ing and or-ing whole rows is what numpy does with vector instructions: a third of the time of writing
    through an index, and its time does not depend on how ragged the polygons are.
    """

    def __init__(self, luma: Cover) -> None:
        self.height, self.width = luma.shape
        chroma = chroma_cover(luma)
        self.size = luma.size + 2 * chroma.size
        self._bands = (
            *_bands(luma, 0, BLACK_LUMA),
            *_bands(chroma, luma.size, BLACK_CHROMA),
            *_bands(chroma, luma.size + chroma.size, BLACK_CHROMA),
        )

    def apply(self, i420: _Bytes) -> None:
        """Black out a picture of this size: all three planes as one run of bytes.

        Raises ValueError for a picture of another size; nothing of it may be shown then.
        """
        if i420.shape != (self.size,):
            raise ValueError(f"a picture of {i420.shape} bytes does not fit a black-out of {self.size}")
        for band in self._bands:
            part = i420[band.start : band.stop]
            np.bitwise_and(part, band.keep, out=part)
            np.bitwise_or(part, band.black, out=part)


def _bands(cover: Cover, offset: int, black: int) -> tuple[_Band, ...]:
    covered_rows = np.flatnonzero(cover.any(axis=1))
    if not covered_rows.size:
        return ()
    width = cover.shape[1]
    splits = np.flatnonzero(np.diff(covered_rows) > _GAP_ROWS) + 1
    return tuple(
        _band(cover[rows[0] : rows[-1] + 1], offset + int(rows[0]) * width, black)
        for rows in np.split(covered_rows, splits)
    )


def _band(cover: Cover, start: int, black: int) -> _Band:
    flat = cover.reshape(-1)
    keep = np.where(flat, 0, 255).astype(np.uint8)
    return _Band(start, start + flat.size, keep, np.where(flat, black, 0).astype(np.uint8))
