"""Blacking out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.mask.masks.blackout import Blackout
from services.mask.masks.raster import Cover, chroma_cover
from services.runtime.ring import i420_size, split_i420

covers = arrays.arrays(np.bool_, st.tuples(st.integers(1, 80), st.integers(1, 9)))


@given(covers, st.integers(0, 2**32 - 1))
def test_covered_samples_are_black_and_all_others_untouched(cover: Cover, seed: int) -> None:
    height, width = cover.shape
    before = np.random.default_rng(seed).integers(0, 256, i420_size(width, height), np.uint8)
    after = before.copy()
    Blackout(cover).apply(after)
    covers_of_planes = (cover, chroma_cover(cover), chroma_cover(cover))
    planes = zip(split_i420(before, width, height), split_i420(after, width, height), covers_of_planes, strict=True)
    for black, (old, new, covered) in zip((16, 128, 128), planes, strict=True):
        assert (new[covered] == black).all()
        assert (new[~covered] == old[~covered]).all()


def test_a_picture_of_another_size_is_refused() -> None:
    blackout = Blackout(np.ones((4, 4), np.bool_))
    for size in (0, 23, 25):
        with pytest.raises(ValueError, match="does not fit"):
            blackout.apply(np.zeros(size, np.uint8))


def test_a_picture_without_pixels_is_refused_even_where_nothing_is_covered() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Blackout(np.zeros((4, 4), np.bool_)).apply(np.zeros(0, np.uint8))
