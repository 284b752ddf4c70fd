"""Metrics of ingest."""

from enum import StrEnum

from proto.messages import DownReason
from proto.names import CameraId
from services.ingest.stream.unit import Purpose
from services.runtime.metrics import Metrics


class DropCause(StrEnum):
    """What was dropped, and why."""

    RING_FULL = "ring-full"
    """Frames: the mask service is slower than the camera, or gone."""
    BEHIND = "behind"
    """Access units: the decoder is slower than the camera."""
    LONG_GOP = "long-gop"
    """Whole GOPs, too large to hold."""


class Counters:
    """Made once a process; a camera that is removed takes its own along."""

    def __init__(self, metrics: Metrics) -> None:
        self.decoded = metrics.counter(
            "ingest_decoded_frames_total", "Frames decoded, by what for", ("camera", "purpose")
        )
        self.dropped = metrics.counter(
            "ingest_dropped_total", "What was dropped by policy, by cause", ("camera", "cause")
        )
        self.sessions_ended = metrics.counter(
            "ingest_sessions_ended_total", "RTSP sessions that failed to open or ended, by reason", ("camera", "reason")
        )
        self.cameras = metrics.gauge("ingest_cameras", "Cameras of this process, by state", ("state",))
        self.demands_refused = metrics.gauge("ingest_demands_refused", "Demands unreadable or beyond the bounds")

    def forget(self, camera: CameraId) -> None:
        for purpose in Purpose:
            self.decoded.remove(camera, purpose)
        for cause in DropCause:
            self.dropped.remove(camera, cause)
        for reason in DownReason:
            self.sessions_ended.remove(camera, reason)
