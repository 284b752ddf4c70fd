"""One RTP timeline for a layer, whatever it is made of: pictures of any epoch, and the relay's own slates."""

from typing import Final

from proto.limits import CLOCK_RATE_HZ
from proto.names import Epoch

MAX_STEP_S: Final = 10.0
"""A source whose time goes back, or forward by more than this, is taken as a new source."""


class RtpTimeline:
    """Timestamps in 90 kHz ticks that always grow. Within a source they follow its own time; from one source to
    the next they follow the host's."""

    def __init__(self) -> None:
        self._epoch: Epoch | None = None
        self._offset = 0
        self._last = 0
        self._at_s = 0.0

    def picture(self, epoch: Epoch, pts_90k: int, now_s: float) -> int:
        """The timestamp of an access unit; `now_s` is the host's monotonic time."""
        timestamp = pts_90k + self._offset
        is_in_step = 0 < timestamp - self._last <= MAX_STEP_S * CLOCK_RATE_HZ
        if epoch != self._epoch or not is_in_step:
            timestamp = self._passed(now_s)
            self._epoch, self._offset = epoch, timestamp - pts_90k
        self._last, self._at_s = timestamp, now_s
        return timestamp

    def slate(self, now_s: float) -> int:
        """The timestamp of one of the relay's own slates, which ends the source before it."""
        self._epoch = None
        self._last, self._at_s = self._passed(now_s), now_s
        return self._last

    def _passed(self, now_s: float) -> int:
        return self._last + max(1, round((now_s - self._at_s) * CLOCK_RATE_HZ))
