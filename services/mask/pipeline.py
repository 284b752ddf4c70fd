"""What happens to one frame: judged, blacked out, encoded once per demanded layer, or a slate in its place."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from proto.limits import STILL_INTERVAL_S
from proto.messages import MaskSet, WithheldReason
from proto.names import Epoch, Layer
from services.mask.masks.blackout import Blackout
from services.mask.masks.raster import luma_cover, margin_px
from services.mask.masks.verdict import Approved, Verdict, Withheld, judge
from services.mask.measures import Measures
from services.mask.media.encoder import Picture
from services.mask.media.layer import LayerSpec, LayerStream, Shown, Source
from services.mask.media.outbox import Outbox
from services.mask.media.pacing import Limit
from services.mask.media.still import Still, jpeg_of, still_size
from services.runtime.clock import Clock, utc
from services.runtime.ring import Frame, FrameFlag
from services.runtime.slate import draw_slate, slate_words

MAX_BLACKOUTS: Final = 2
"""Compiled ones held for a camera: of the mask set in force, and of the one or the size before it."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the event loop wants of a camera; replaced as a whole, between frames."""

    standing: Verdict
    wanted: frozenset[Layer] = frozenset()
    name: str = ""
    is_gated: bool = False
    """Nothing may be published: frames are released unseen."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What became of the last frame; `reason` when it was withheld."""

    reason: WithheldReason | None
    epoch: Epoch
    width: int
    height: int


class Pipeline:
    """One camera's, used by its thread alone."""

    def __init__(
        self, specs: dict[Layer, LayerSpec], margin_at_1080: float, outbox: Outbox, clock: Clock, measures: Measures
    ) -> None:
        self._specs = specs
        self._margin_at_1080 = margin_at_1080
        self._outbox = outbox
        self._clock = clock
        self._measures = measures
        self._streams: dict[Layer, LayerStream] = {}
        self._blackouts: deque[tuple[MaskSet, Blackout]] = deque(maxlen=MAX_BLACKOUTS)
        self._stills = Limit(STILL_INTERVAL_S)
        self._epoch = Epoch(0)
        self.sight: Sight | None = None

    def wish(self, layer: Layer) -> None:
        """Somebody wants an IDR; a layer that nobody has demanded yet starts with one anyway."""
        if layer in self._streams:
            self._streams[layer].wish()

    def restart(self) -> None:
        """Begin each layer with a new encoder."""
        for stream in self._streams.values():
            stream.restart()

    def show(self, frame: Frame, epoch: Epoch, orders: Orders) -> None:
        """Make of one frame what its verdict allows. May raise anything; then call `withhold`."""
        self._follow(epoch, orders)
        verdict = judge(orders.standing, frame.width, frame.height, frame.flags)
        if isinstance(verdict, Withheld):
            self.withhold(frame, epoch, orders, verdict)
        else:
            self._show(frame, verdict)
            self._look(Sight(None, epoch, frame.width, frame.height))

    def withhold(self, frame: Frame, epoch: Epoch, orders: Orders, verdict: Withheld) -> None:
        """Show a slate in place of a frame."""
        self._follow(epoch, orders)
        self._measures.withheld.labels(verdict.reason).inc()
        is_news = self.sight is None or self.sight.reason is not verdict.reason
        self._look(Sight(verdict.reason, epoch, frame.width, frame.height))
        shown = Shown(verdict.mask_revision, verdict.reason)
        draw = self._draw(frame, orders, verdict.reason)
        now_s = self._clock.monotonic_s()
        source = self._source(frame)
        if not frame.flags & FrameFlag.STILL:
            for layer, stream in self._streams.items():
                if stream.takes_slate(shown, frame.pts_90k, now_s):
                    with self._measures.encode_s.labels(layer).time():
                        unit = stream.encode_slate((frame.width, frame.height), draw, shown, source, now_s)
                    self._outbox.put(unit)
        # The last good still goes at once when it may no longer be seen, but not for a burst of lost packets.
        is_urgent = is_news and verdict.reason is not WithheldReason.DAMAGED_INPUT
        if is_urgent or self._stills.is_due(now_s):
            self._put_still(draw(*still_size(frame.width, frame.height)), shown, source, now_s)

    def _follow(self, epoch: Epoch, orders: Orders) -> None:
        """Keep a stream for each demanded layer, new ones in a new epoch."""
        wanted = orders.wanted
        if epoch != self._epoch or wanted != self._streams.keys():
            kept = self._streams if epoch == self._epoch else {}
            # In the order of Layer: main is encoded, and goes out, before tile.
            self._streams = {
                layer: kept.get(layer) or LayerStream(self._specs[layer]) for layer in Layer if layer in wanted
            }
            self._epoch = epoch
        for layer, stream in self._streams.items():
            if self._outbox.needs_keyframe(layer):
                stream.wish()

    def _show(self, frame: Frame, approved: Approved) -> None:
        now_s = self._clock.monotonic_s()
        is_live = not frame.flags & FrameFlag.STILL
        due = [stream for stream in self._streams.values() if is_live and stream.takes(frame.pts_90k)]
        is_still_due = self._stills.is_due(now_s)
        if not due and not is_still_due:
            return
        self._blackout(approved.masks, frame.width, frame.height).apply(frame.i420)
        self._measures.masked.labels(approved.masks.camera).inc()
        picture = Picture.of_i420(frame.i420, frame.width, frame.height)
        shown, source = Shown(approved.masks.revision), self._source(frame)
        for stream in due:
            with self._measures.encode_s.labels(stream.spec.layer).time():
                unit = stream.encode(picture, shown, source, now_s)
            self._outbox.put(unit)
        if is_still_due:
            self._put_still(picture, shown, source, now_s)

    def _blackout(self, masks: MaskSet, width: int, height: int) -> Blackout:
        for known, blackout in self._blackouts:
            if known is masks and (blackout.width, blackout.height) == (width, height):
                return blackout
        cover = luma_cover(masks.polygons, width, height, margin_px(self._margin_at_1080, height))
        made = Blackout(cover)
        self._blackouts.append((masks, made))
        return made

    def _put_still(self, picture: Picture, shown: Shown, source: Source, now_s: float) -> None:
        self._stills.mark(now_s)
        still = Still(jpeg_of(picture), source.captured_utc_us, shown.mask_revision, shown.slate)
        self._measures.stills.labels("made").inc()
        self._outbox.put_still(still)

    def _source(self, frame: Frame) -> Source:
        return Source(self._epoch, frame.seq, frame.pts_90k, frame.captured_utc_us)

    def _draw(self, frame: Frame, orders: Orders, reason: WithheldReason) -> Callable[[int, int], Picture]:
        title, explanation = slate_words(reason)
        at = f"{utc(frame.captured_utc_us):%Y-%m-%d %H:%M:%S} UTC"

        def draw(width: int, height: int) -> Picture:
            drawn = draw_slate(width, height, title, (orders.name, explanation, at))
            return Picture.of_i420(drawn, width, height)

        return draw

    def _look(self, sight: Sight) -> None:
        if sight != self.sight:
            self.sight = sight
            self._outbox.announce()
