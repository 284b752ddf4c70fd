"""Slates."""

import numpy as np
import pytest

from proto.messages import WithheldReason
from services.runtime.ring import i420_size, split_i420
from services.runtime.slate import draw_slate, slate_words


@pytest.mark.parametrize("reason", WithheldReason)
def test_every_reason_has_words_that_fit_on_a_tile(reason: WithheldReason) -> None:
    title, line = slate_words(reason)
    assert title
    assert line.endswith(".")
    tile = draw_slate(640, 360, title, [line])
    luma, _, _ = split_i420(tile, 640, 360)
    assert (luma[:, :8] == luma[0, 0]).all(), "nothing is written over the left edge"
    assert (luma[:, -8:] == luma[0, 0]).all(), "nothing is written over the right edge"


def test_reasons_are_told_apart() -> None:
    assert len({slate_words(reason) for reason in WithheldReason}) == len(WithheldReason)


@pytest.mark.parametrize("size", [(640, 360), (1920, 1080), (353, 241), (16, 16), (1080, 1920)])
def test_a_slate_is_a_grey_picture_in_limited_range(size: tuple[int, int]) -> None:
    slate = draw_slate(*size, "No picture", ["Camera 14", "Nothing is coming.", "2026-01-01 12:00:00 UTC"])
    assert slate.dtype == np.uint8
    assert slate.shape == (i420_size(*size),)
    luma, *chroma = split_i420(slate, *size)
    assert luma.min() >= 16
    assert luma.max() <= 235
    assert all((plane == 128).all() for plane in chroma)


def test_a_slate_shows_what_it_says() -> None:
    one, other = (draw_slate(640, 360, "No picture", [name]) for name in ("Camera 1", "Camera 2"))
    assert (one != other).any()
    luma, _, _ = split_i420(one, 640, 360)
    assert luma.max() > 180, "the writing is bright"


def test_a_title_too_long_for_its_line_is_made_smaller() -> None:
    slate = draw_slate(640, 360, "Masks withdrawn " * 4, [])
    luma, _, _ = split_i420(slate, 640, 360)
    assert (luma[:, -8:] == luma[0, 0]).all()


def test_long_lines_are_wrapped_and_no_text_is_lost_for_an_empty_one() -> None:
    short = draw_slate(640, 360, "No picture", ["word"])
    long = draw_slate(640, 360, "No picture", ["word " * 40, ""])
    rows = [np.flatnonzero((split_i420(slate, 640, 360)[0][180:] > 150).any(axis=1)).size for slate in (short, long)]
    assert rows[1] > 2 * rows[0]
