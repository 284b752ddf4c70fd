"""Decodes one camera's access units into its ring: live in a thread while there is demand, or one keyframe for a still.

One libav thread: frame threads would hold frames back, and what slice threads log cannot be told from another
camera's. A 1080p picture takes some 4 ms.
"""

import threading
from collections import OrderedDict
from functools import partial
from typing import Final, Protocol

import av.error
from av.codec.context import CodecContext, Flags
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from services.ingest.errors import PictureRefused
from services.ingest.feed import Feed
from services.ingest.media import pictures
from services.ingest.media.libav import Overheard
from services.ingest.sink import Fill, FrameSink
from services.ingest.stream.damage import DamageState, LossSigns, is_clean_start
from services.ingest.stream.unit import AccessUnit, Purpose, Session
from services.runtime.ring import FrameFlag

TAKE_LIMIT_S: Final = 0.25
MAX_REORDERED: Final = 32
"""Access units whose frames may still be in the decoder: twice what H.264 and H.265 allow."""


class Observer(Protocol):
    """Whom the decoder tells; called in its thread."""

    def on_decoded(self, purpose: Purpose, count: int) -> None: ...

    def on_damage(self, *, is_damaged: bool) -> None:
        """At each change."""
        ...

    def on_refused(self, refused: PictureRefused | None) -> None:
        """At each change: why pictures cannot go into the ring; None when they can again."""
        ...


class SessionDecoder:
    """libav's decoder for one RTSP session, and what tells whether its frames are damaged. One thread."""

    def __init__(self, session: Session, said: Overheard) -> None:
        context = CodecContext.create(session.codec.value, "r")
        assert isinstance(context, VideoCodecContext)
        context.extradata = session.extradata or None
        context.thread_count = 1
        context.flags |= Flags.low_delay
        self.session = session
        self.damage = DamageState()
        self._context = context
        self.has_failed = False
        self._said = said
        self._signs = LossSigns(session)
        self._units: OrderedDict[int, AccessUnit] = OrderedDict()

    def decode(self, unit: AccessUnit) -> list[tuple[VideoFrame, AccessUnit]]:
        """The frames that come out, each with its own access unit, in the order of presentation."""
        is_start = unit.is_keyframe and is_clean_start(unit)
        if is_start and self.damage.is_damaged:
            self._context.flush_buffers()
        self._remember(unit)
        has_sign = self._signs.has_sign(unit)
        frames = self._decoded(_packet(unit))
        # The log is asked in any case: a line that is left lying would be taken for the next picture's.
        has_sign = self._said.has_decoding_sign() or self.has_failed or has_sign
        self.damage.decoded(unit.pts_90k, is_clean_start=is_start, has_sign=has_sign)
        return [(frame, self._unit_of(frame, unit)) for frame in frames]

    def rest(self) -> list[VideoFrame]:
        """The frames that the decoder still holds; it takes nothing more."""
        return self._decoded(None)

    @property
    def gives_nothing(self) -> bool:
        """Whether the last access unit gives no frame at all, now or, with B-frames, later."""
        return self.has_failed and not self._context.has_b_frames

    def _decoded(self, packet: "Packet[Stream] | None") -> list[VideoFrame]:
        self.has_failed = False
        try:
            return self._context.decode(packet)
        except (av.error.FFmpegError, OSError, ValueError):
            self.has_failed = True
            return []

    def _remember(self, unit: AccessUnit) -> None:
        self._units[unit.pts_90k] = unit
        if len(self._units) > MAX_REORDERED:
            self._units.popitem(last=False)

    def _unit_of(self, frame: VideoFrame, newest: AccessUnit) -> AccessUnit:
        return newest if frame.pts is None else self._units.get(frame.pts, newest)


class Decoder:
    """Decodes a camera's feed into its ring until told to stop, starting with the cached GOP."""

    def __init__(self, feed: Feed, sink: FrameSink, observer: Observer) -> None:
        self._feed = feed
        self._sink = sink
        self._observer = observer
        self._decoder: SessionDecoder | None = None
        self._size: tuple[int, int] = (0, 0)
        self._was_damaged = False
        self._refused: PictureRefused | None = None

    def run(self, stop: threading.Event) -> None:
        """In a thread of its own; returns within TAKE_LIMIT_S of `stop`."""
        self._feed.attach()
        try:
            with Overheard() as said:
                while not stop.is_set():
                    taken = self._feed.take(TAKE_LIMIT_S)
                    if taken is not None:
                        self._decode(taken.unit, said, is_shown=taken.is_shown)
        finally:
            self._feed.detach()

    def _decode(self, unit: AccessUnit, said: Overheard, *, is_shown: bool) -> None:
        decoder = self._decoder
        if decoder is None or decoder.session is not unit.session:
            decoder = self._decoder = SessionDecoder(unit.session, said)
        decoded = decoder.decode(unit)
        self._observer.on_decoded(Purpose.LIVE if is_shown else Purpose.CATCH_UP, len(decoded))
        for frame, of in decoded:
            is_damaged = decoder.damage.frame(of.pts_90k, is_corrupt=frame.is_corrupt)
            self._size = (frame.width, frame.height)
            if is_shown:
                self._put(frame, of, is_damaged=is_damaged)
        if decoder.gives_nothing and is_shown and min(self._size):
            # The mask service is to show its slate rather than nothing.
            self._put(None, unit, is_damaged=True)
        said.discard()
        if decoded or decoder.has_failed:
            self._tell(is_damaged=decoder.damage.is_damaged)

    def _put(self, frame: VideoFrame | None, unit: AccessUnit, *, is_damaged: bool) -> None:
        fill = None if is_damaged or frame is None else partial(pictures.fill, frame=frame)
        try:
            put(self._sink, self._size, fill, unit, FrameFlag.DAMAGED if is_damaged else FrameFlag.NONE)
        except PictureRefused as refused:
            self._tell_refused(refused)
        else:
            self._tell_refused(None)

    def _tell(self, *, is_damaged: bool) -> None:
        if is_damaged != self._was_damaged:
            self._was_damaged = is_damaged
            self._observer.on_damage(is_damaged=is_damaged)

    def _tell_refused(self, refused: PictureRefused | None) -> None:
        if (refused and refused.reason) != (self._refused and self._refused.reason):
            self._refused = refused
            self._observer.on_refused(refused)


def decode_still(unit: AccessUnit, sink: FrameSink, observer: Observer) -> None:
    """Decode one keyframe and put it into the ring as a still."""
    with Overheard() as said:
        decoder = SessionDecoder(unit.session, said)
        frames = [frame for frame, _ in decoder.decode(unit)] or decoder.rest()
        observer.on_decoded(Purpose.STILL, len(frames))
        for frame in frames[:1]:
            is_damaged = decoder.damage.frame(unit.pts_90k, is_corrupt=frame.is_corrupt)
            fill = None if is_damaged else partial(pictures.fill, frame=frame)
            flags = FrameFlag.STILL | (FrameFlag.DAMAGED if is_damaged else FrameFlag.NONE)
            try:
                put(sink, (frame.width, frame.height), fill, unit, flags)
            except PictureRefused as refused:
                observer.on_refused(refused)
            else:
                observer.on_refused(None)


def put(
    sink: FrameSink,
    size: tuple[int, int],
    fill: Fill | None,
    unit: AccessUnit,
    flags: FrameFlag,
) -> bool:
    return sink.put(size, fill, pts_90k=unit.pts_90k, captured_utc_us=unit.captured_utc_us, flags=flags)


def _packet(unit: AccessUnit) -> "Packet[Stream]":
    """A packet of libav's own memory: libav reads past the end, and a packet made around bytes has nothing there."""
    packet: Packet[Stream] = Packet(len(unit.data))
    packet.update(unit.data)
    packet.pts = unit.pts_90k
    return packet
