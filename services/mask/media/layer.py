"""One layer of one camera: which frames it takes, when it starts anew with an IDR, and its access units' headers."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from proto.codec import AccessUnitHeaders
from proto.limits import (
    MAIN_MAX_HEIGHT,
    MAIN_MAX_WIDTH,
    MAX_ACCESS_UNIT_BYTES,
    TILE_FPS,
    TILE_HEIGHT,
    TILE_WIDTH,
)
from proto.messages import WithheldReason
from proto.names import Epoch, Layer
from services.mask.errors import EncoderFault
from services.mask.media.encoder import Encoder, EncoderPlan, Picture, is_hd
from services.mask.media.pacing import FramePacer, Limit

MAIN_FPS: Final = Fraction(25)
SLATE_INTERVAL_S: Final = 0.5
KEYFRAME_INTERVAL_S: Final = 0.5
"""Wishes are answered at most twice a second, however many ask."""

MIN_BIT_RATE: Final = 100_000
MIN_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """The box that a layer's pictures fit into, and `bit_rate` for one that fills it."""

    layer: Layer
    max_width: int
    max_height: int
    fps: Fraction
    bit_rate: int
    preset: str

    def plan(self, width: int, height: int, *, is_hd: bool) -> EncoderPlan:
        """Fit a picture into the box: never enlarged, same shape, even."""
        scale = min(1.0, self.max_width / width, self.max_height / height)
        even = [max(MIN_SIZE, int(side * scale + 0.5) & ~1) for side in (width, height)]
        share = even[0] * even[1] / (self.max_width * self.max_height)
        return EncoderPlan(
            width=even[0],
            height=even[1],
            fps=self.fps,
            bit_rate=max(MIN_BIT_RATE, int(self.bit_rate * share)),
            preset=self.preset,
            is_hd=is_hd,
        )


def layer_specs(*, main_bit_rate: int, tile_bit_rate: int, preset: str) -> dict[Layer, LayerSpec]:
    main = LayerSpec(Layer.MAIN, MAIN_MAX_WIDTH, MAIN_MAX_HEIGHT, MAIN_FPS, main_bit_rate, preset)
    tile = LayerSpec(Layer.TILE, TILE_WIDTH, TILE_HEIGHT, Fraction(TILE_FPS), tile_bit_rate, preset)
    return {Layer.MAIN: main, Layer.TILE: tile}


@dataclass(frozen=True, slots=True)
class Source:
    """The frame that an access unit is made of, or in whose place a slate is shown."""

    epoch: Epoch
    seq: int
    pts_90k: int
    captured_utc_us: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What a layer shows. Pictures of another mask set, and slates of another reason, start with an IDR: then no
    decoder has anything left to predict from that was made before."""

    mask_revision: int
    slate: WithheldReason | None = None


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """Ready to publish."""

    layer: Layer
    headers: AccessUnitHeaders
    payload: bytes


class LayerStream:
    """Encodes one layer while it is demanded. One thread."""

    def __init__(self, spec: LayerSpec) -> None:
        self.spec = spec
        self._encoder: Encoder | None = None
        self._pacer = FramePacer(float(spec.fps))
        self._slates = Limit(SLATE_INTERVAL_S)
        self._keyframes = Limit(KEYFRAME_INTERVAL_S)
        self._has_wish = False
        self._shown: Shown | None = None
        self._last_seq = -1
        self._last_pts_90k = -1

    def wish(self) -> None:
        """Somebody wants an IDR: the next frame, or as soon after as the limit allows."""
        self._has_wish = True

    def restart(self) -> None:
        """Begin again with a new encoder, as after a failure or in a new epoch."""
        self._encoder = None
        self._shown = None
        self._last_pts_90k = -1
        self._pacer = FramePacer(float(self.spec.fps))

    def takes(self, pts_90k: int) -> bool:
        """Whether the picture with this time is one to encode. Ask once for each."""
        return pts_90k > self._last_pts_90k and self._pacer.take(pts_90k)

    def takes_slate(self, shown: Shown, pts_90k: int, now_s: float) -> bool:
        """At once when something else was shown or an IDR is wished for, else twice a second."""
        is_wished = self._has_wish and self._keyframes.is_due(now_s)
        is_due = shown != self._shown or is_wished or self._slates.is_due(now_s)
        return is_due and pts_90k > self._last_pts_90k

    def encode(self, picture: Picture, shown: Shown, source: Source, now_s: float) -> AccessUnit:
        """Raises EncoderFault; the stream has then been restarted."""
        plan = self.spec.plan(picture.width, picture.height, is_hd=picture.is_hd)
        return self._unit(plan, lambda: picture.scaled(plan.width, plan.height), shown, source, now_s)

    def encode_slate(
        self,
        size: tuple[int, int],
        draw: Callable[[int, int], Picture],
        shown: Shown,
        source: Source,
        now_s: float,
    ) -> AccessUnit:
        """A slate for pictures of `size`. `draw` makes one of the layer's own size, so that it stays sharp."""
        plan = self.spec.plan(size[0] & ~1, size[1] & ~1, is_hd=is_hd(size[1]))
        self._slates.mark(now_s)
        return self._unit(plan, lambda: draw(plan.width, plan.height), shown, source, now_s)

    def _unit(
        self, plan: EncoderPlan, make: Callable[[], Picture], shown: Shown, source: Source, now_s: float
    ) -> AccessUnit:
        try:
            return self._encode(plan, make(), shown, source, now_s)
        except EncoderFault:
            self.restart()
            raise

    def _encode(self, plan: EncoderPlan, picture: Picture, shown: Shown, source: Source, now_s: float) -> AccessUnit:
        is_new = self._encoder is None or self._encoder.plan != plan
        encoder = Encoder(plan) if is_new or self._encoder is None else self._encoder
        is_wished = self._has_wish and self._keyframes.is_due(now_s)
        is_idr = is_new or shown != self._shown or is_wished
        payload, is_keyframe = encoder.encode(picture, source.pts_90k, is_idr=is_idr)
        if is_idr and not is_keyframe:
            raise EncoderFault("the encoder made no keyframe where one was asked for")
        if len(payload) > MAX_ACCESS_UNIT_BYTES:
            raise EncoderFault(f"an access unit of {len(payload)} bytes does not fit into a message")
        headers = AccessUnitHeaders(
            epoch=source.epoch,
            seq=source.seq,
            prev=-1 if is_keyframe else self._last_seq,
            pts_90k=source.pts_90k,
            captured_utc_us=source.captured_utc_us,
            is_keyframe=is_keyframe,
            width=plan.width,
            height=plan.height,
            mask_revision=shown.mask_revision,
            slate=shown.slate,
        )
        self._encoder, self._shown = encoder, shown
        self._last_seq, self._last_pts_90k = source.seq, source.pts_90k
        if is_keyframe:
            self._keyframes.mark(now_s)
            self._has_wish = False
        return AccessUnit(self.spec.layer, headers, payload)
