"""The relay's own slates, encoded at its start: nobody else can show one when mask, ingest or the bus is dead."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext

from proto.messages import WithheldReason
from proto.names import Layer
from services.relay.packetise import packetise, split_nal_units
from services.runtime.slate import draw_slate, slate_words

SIZES: Final[Mapping[Layer, tuple[int, int]]] = {Layer.MAIN: (1280, 720), Layer.TILE: (640, 360)}


@dataclass(frozen=True, slots=True)
class Slates:
    """One IDR with its parameter sets per reason and layer, as RTP payloads."""

    payloads: Mapping[tuple[WithheldReason, Layer], tuple[bytes, ...]]

    @classmethod
    def encode(cls) -> "Slates":
        """Draw and encode all of them: a third of a second of processor time, so in a thread."""
        return cls({(reason, layer): _slate(reason, layer) for reason in WithheldReason for layer in Layer})


def _slate(reason: WithheldReason, layer: Layer) -> tuple[bytes, ...]:
    width, height = SIZES[layer]
    title, line = slate_words(reason)
    i420 = draw_slate(width, height, title, [line]).reshape(height * 3 // 2, width)
    frame = av.VideoFrame.from_ndarray(i420, format="yuv420p")
    return packetise(split_nal_units(_keyframe(frame)))


def _keyframe(frame: av.VideoFrame) -> bytes:
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "yuv420p"
    codec.time_base = Fraction(1, 90_000)
    codec.framerate = Fraction(1)
    codec.thread_count = 1
    codec.options = {"preset": "veryfast", "tune": "stillimage", "profile": "baseline", "crf": "24"}
    packets = [*codec.encode(frame), *codec.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
