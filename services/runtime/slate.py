"""Slates: the picture that stands in place of one that is withheld, drawn the same by whoever shows it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from proto.messages import WithheldReason
from services.runtime.ring import i420_size

_GROUND: Final = 40
_BAR: Final = 150
_WRITING: Final = 225
"""Luma of the slate's parts, in limited range (16 to 235)."""

_NEUTRAL_CHROMA: Final = 128
_MIN_FONT_PX: Final = 8

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_WORDS: Final[dict[WithheldReason, tuple[str, str]]] = {
    WithheldReason.NO_MASK_SET: ("No approved masks", "Nobody has approved masks for this camera yet."),
    WithheldReason.MASK_UNREADABLE: ("Masks cannot be read", "The stored masks are damaged. Approve them again."),
    WithheldReason.MASK_MISFIT: ("Masks do not fit", "The picture has another shape than its masks were drawn on."),
    WithheldReason.REVOKED: ("Masks withdrawn", "The approval of this camera's masks has been withdrawn."),
    WithheldReason.KILL_SWITCH: ("Switched off", "A supervisor has stopped all viewing of this camera."),
    WithheldReason.DAMAGED_INPUT: ("Picture damaged", "Data from the camera was lost. Waiting for a whole picture."),
    WithheldReason.MASK_FAULT: ("Masking failed", "The picture could not be masked, so it is not shown."),
    WithheldReason.NO_SIGNAL: ("No picture", "Nothing is coming from this camera at the moment."),
}


def slate_words(reason: WithheldReason) -> tuple[str, str]:
    """A title and one line of explanation, for operators."""
    return _WORDS[reason]


def draw_slate(width: int, height: int, title: str, lines: Sequence[str]) -> NDArray[np.uint8]:
    """Draw a slate as one flat run of I420 bytes, `i420_size(width, height)` long.

    The title stands in one line, made smaller until it fits; each further line is wrapped at words. What does
    not fit into the picture is cut off at its bottom. Any size from 16x16, odd ones too.
    """
    luma = Image.new("L", (width, height), _GROUND)
    draw = ImageDraw.Draw(luma)
    margin = max(1, width // 16)
    room = width - 2 * margin
    heading = _fitting_font(draw, title, room, max(_MIN_FONT_PX, height // 9))
    text = _font(max(_MIN_FONT_PX, height // 20))
    top = height // 5
    draw.rectangle((margin, top, margin + room, top + max(1, height // 90)), fill=_BAR)
    top += height // 16
    draw.text((margin, top), title, font=heading, fill=_WRITING)
    top += height // 6
    for line in [part for whole in lines for part in _wrapped(draw, whole, room, text)]:
        draw.text((margin, top), line, font=text, fill=_WRITING)
        top += height // 14
    picture = np.full(i420_size(width, height), _NEUTRAL_CHROMA, np.uint8)
    picture[: width * height] = np.asarray(luma).reshape(-1)
    return picture


def _font(size_px: int) -> _Font:
    return ImageFont.load_default(size_px)


def _fitting_font(draw: ImageDraw.ImageDraw, line: str, room: int, size_px: int) -> _Font:
    """The largest font up to `size_px` in which the line fits, or the smallest that can be read."""
    taken = draw.textlength(line, font=_font(size_px))
    return _font(max(_MIN_FONT_PX, int(size_px * min(1.0, room / max(taken, 1.0)))))


def _wrapped(draw: ImageDraw.ImageDraw, line: str, room: int, font: _Font) -> list[str]:
    """Break a line at its spaces; a word that is wider than the room keeps a line of its own."""
    lines: list[str] = []
    for word in line.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and draw.textlength(longer, font=font) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
