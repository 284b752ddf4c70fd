"""What libav says in its log while one thread works: the only word it has for most of what it conceals.

libav's log belongs to the whole process. It is switched on here at the level that the signs need, repeated lines
included (PyAV leaves those out by default), and nothing that no thread listens to goes any further: libav writes
addresses into it. Lines of libav's own worker threads reach no listener, so decoders here have one thread.
"""

import logging
from types import TracebackType
from typing import Final, Self

import av.logging

av.logging.set_level(av.logging.INFO)
av.logging.set_skip_repeated(False)
logging.getLogger("libav").setLevel(logging.CRITICAL + 1)

_CONCEALING: Final = "concealing "
"""The one line at INFO that is a sign (libavcodec/error_resilience.c). It comes when the picture is decoded; with
B-frames the frame that says `is_corrupt` comes out later, behind frames that were made from it."""

_NO_DAMAGE: Final = (
    "SEI type ",  # a camera's own SEI messages, often too long or too short: no pixel depends on one
    "Increasing reorder buffer",
    "unable to decode APP fields",
    "deprecated pixel format used",
)

_LOSSES: Final = ("missed", "max delay reached", "received too late", "jitter buffer full", "Failed reading")
"""Warnings of libavformat/rtpdec.c and rtsp.c that mean lost packets, or a unit that was cut off."""


class Overheard:
    """Collects the lines of libav in the thread that enters the block. Ask often: what is held has no bound."""

    def __init__(self) -> None:
        self._capture: av.logging.Capture | None = None
        self._lines: list[tuple[int, str, str]] = []

    def __enter__(self) -> Self:
        self._capture = av.logging.Capture(local=True)
        self._lines = self._capture.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._capture is not None
        self._capture.__exit__(None, None, None)

    def has_decoding_sign(self) -> bool:
        """Whether a decoder has said anything since the last call that means damage."""
        return any(_is_decoding_sign(level, text) for level, _, text in self._taken())

    def has_loss(self) -> bool:
        """Whether a reader has said anything since the last call that means lost input."""
        return any(_is_loss(level, text) for level, _, text in self._taken())

    def discard(self) -> None:
        self._lines.clear()

    def _taken(self) -> list[tuple[int, str, str]]:
        lines = self._lines.copy()
        self._lines.clear()
        return lines


def _is_decoding_sign(level: int, text: str) -> bool:
    if level > av.logging.WARNING:
        return text.startswith(_CONCEALING)
    return not text.startswith(_NO_DAMAGE)


def _is_loss(level: int, text: str) -> bool:
    if level > av.logging.ERROR:
        return level <= av.logging.WARNING and any(word in text for word in _LOSSES)
    return not text.startswith(_NO_DAMAGE)
