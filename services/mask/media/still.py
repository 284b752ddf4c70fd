"""Stills: small masked JPEGs."""

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image

from proto.limits import MAX_STILL_BYTES
from proto.messages import WithheldReason
from services.mask.errors import EncoderFault
from services.mask.media.encoder import Picture

STILL_WIDTH: Final = 640
_QUALITIES: Final = (80, 60, 40, 20)


@dataclass(frozen=True, slots=True)
class Still:
    """A JPEG and what it was made of; `slate` when the picture was withheld."""

    jpeg: bytes
    captured_utc_us: int
    mask_revision: int
    slate: WithheldReason | None = None

    def headers(self) -> dict[str, str]:
        headers = {"Us-Captured": str(self.captured_utc_us), "Us-Mask": str(self.mask_revision)}
        if self.slate is not None:
            headers["Us-Slate"] = self.slate.value
        return headers


def still_size(width: int, height: int) -> tuple[int, int]:
    """At most STILL_WIDTH wide and high, same shape, even."""
    scale = min(1.0, STILL_WIDTH / width, STILL_WIDTH / height)
    return max(2, round(width * scale) & ~1), max(2, round(height * scale) & ~1)


def jpeg_of(picture: Picture) -> bytes:
    """Encode, in some 5 ms. Raises EncoderFault when it does not fit into MAX_STILL_BYTES at any quality."""
    image = Image.fromarray(picture.scaled(*still_size(picture.width, picture.height)).to_rgb())
    for quality in _QUALITIES:
        jpeg = io.BytesIO()
        image.save(jpeg, "JPEG", quality=quality)
        if jpeg.tell() <= MAX_STILL_BYTES:
            return jpeg.getvalue()
    raise EncoderFault("a still does not fit into its limit")
