"""One camera's RTSP session in a thread: opened, kept, read without decoding, and opened again when it ends.

libav's parser hands on an access unit when the next one begins, one picture later than it was sent; of a camera that
has frozen it hands on the last one at the first read time-out and reports the second, so that silence is reported
after twice the time-out.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from proto.limits import CLOCK_RATE_HZ
from proto.messages import DownReason
from services.ingest.errors import SessionEnded
from services.ingest.media.faults import opening_failed, reading_failed
from services.ingest.media.libav import Overheard
from services.ingest.sink import MAX_HEIGHT, MAX_WIDTH
from services.ingest.source import Source
from services.ingest.stream.backoff import Backoff
from services.ingest.stream.timeline import Arrival, Timeline
from services.ingest.stream.unit import AccessUnit, Codec, Session

OPEN_LIMIT_S: Final = 5.0
READ_LIMIT_S: Final = 2.5
"""Silence is reported after twice this: 5 s."""

STOP_LIMIT_S: Final = OPEN_LIMIT_S + 1.0
"""Playing, a reader stops within a picture; in silence, within READ_LIMIT_S; one that opens cannot be interrupted."""

SETTLED_S: Final = 10.0
"""A session that has lived this long was a good one: the next failure is tried again soon."""

_OPTIONS: Final = {
    "allowed_media_types": "video",
    # The SDP says the codec and its parameter sets. Without these libav reads on for 1.3 to 2.5 s to guess the frame
    # rate; `nobuffer` would be as fast, and loses the first keyframe.
    "fpsprobesize": "0",
    "analyzeduration": "1",
    "probesize": "32",
    # Of UDP: how long to wait for a packet out of order, in microseconds, and the socket's buffer.
    "max_delay": "100000",
    "buffer_size": "1048576",
}


class UnitSink(Protocol):
    """Where access units go."""

    def put(self, unit: AccessUnit) -> None: ...

    def clear(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Playing:
    """Access units come."""

    codec: Codec
    width: int
    height: int
    """0 where the stream does not say before it is decoded."""


ReaderState = Playing | SessionEnded
"""What the reader says of itself, when it changes."""


class Reader:
    """Reads one source for ever. `report` is called in the reader's thread, at each change alone."""

    def __init__(
        self, source: Source, units: UnitSink, report: Callable[[ReaderState], None], backoff: Backoff
    ) -> None:
        self._source = source
        self._units = units
        self._report = report
        self._backoff = backoff
        self._timeline = Timeline()

    def run(self, stop: threading.Event) -> None:
        """Until `stop`: a session, and after it the next. Returns within a picture, or STOP_LIMIT_S of silence."""
        while not stop.is_set():
            began_s = time.monotonic()
            try:
                self.run_once(stop)
            except SessionEnded as ended:
                self._report(ended)
            if time.monotonic() - began_s > SETTLED_S + 2 * READ_LIMIT_S:
                self._backoff.reset()
            stop.wait(self._backoff.next_s())

    def run_once(self, stop: threading.Event) -> None:
        """One session, until `stop`. Raises SessionEnded, its cause without a trace of foreign text."""
        url = self._source.url()
        try:
            with Overheard() as said, _opened(url, self._source) as container:
                said.discard()
                self._read(container, said, stop)
        finally:
            self._units.clear()

    def _read(self, container: InputContainer, said: Overheard, stop: threading.Event) -> None:
        stream, codec = _video(container)
        session = Session(codec, stream.codec_context.extradata or b"")
        time_base = stream.time_base or Fraction(1, CLOCK_RATE_HZ)
        self._timeline.begin(time_base, is_held_back=codec is not Codec.MJPEG)
        is_playing = False
        for packet in _packets(container, stream):
            if stop.is_set():
                return
            unit = self._unit(packet, session, is_suspect=packet.is_corrupt or said.has_loss())
            self._units.put(unit)
            if not is_playing:
                is_playing = True
                self._report(Playing(codec, stream.codec_context.width, stream.codec_context.height))
        raise SessionEnded(DownReason.CLOSED_BY_CAMERA)

    def _unit(self, packet: "Packet[VideoStream]", session: Session, *, is_suspect: bool) -> AccessUnit:
        arrival = Arrival(time.monotonic_ns() // 1_000, time.time_ns() // 1_000)
        stamp = self._timeline.stamp(packet.pts, arrival)
        return AccessUnit(
            data=bytes(packet),
            pts_90k=stamp.pts_90k,
            captured_utc_us=stamp.captured_utc_us,
            is_keyframe=packet.is_keyframe or session.codec is Codec.MJPEG,
            is_suspect=is_suspect,
            session=session,
        )


@contextlib.contextmanager
def _opened(url: str, source: Source) -> Iterator[InputContainer]:
    began_s = time.monotonic()
    options = {**_OPTIONS, "rtsp_transport": source.transport.value}
    try:
        container = av.open(url, options=options, timeout=(OPEN_LIMIT_S, READ_LIMIT_S))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise opening_failed(error, took_s=time.monotonic() - began_s, limit_s=OPEN_LIMIT_S) from None
    try:
        yield container
    finally:
        container.close()


def _video(container: InputContainer) -> tuple[VideoStream, Codec]:
    if not container.streams.video:
        raise SessionEnded(DownReason.NO_VIDEO)
    stream = container.streams.video[0]
    try:
        codec = Codec(stream.codec_context.name)
    except (ValueError, AttributeError):
        raise SessionEnded(DownReason.UNSUPPORTED_CODEC) from None
    if stream.codec_context.width > MAX_WIDTH or stream.codec_context.height > MAX_HEIGHT:
        raise SessionEnded(DownReason.UNSUPPORTED_SIZE)
    return stream, codec


def _packets(container: InputContainer, stream: VideoStream) -> "Iterator[Packet[VideoStream]]":
    """What is sent until the camera ends the session; the empty packet at the end is PyAV's own."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except (av.error.FFmpegError, OSError) as error:
        raise reading_failed(error) from None
