"""The metrics of the mask service."""

from services.runtime.metrics import Metrics

_ENCODE_BUCKETS_S = (0.001, 0.002, 0.004, 0.008, 0.012, 0.016, 0.024, 0.032, 0.064, 0.128)


class Measures:
    """Made once a process; prometheus-client's counters may be used from any thread."""

    def __init__(self, metrics: Metrics) -> None:
        self.masked = metrics.counter("mask_frames_masked_total", "Frames blacked out", ("camera",))
        self.dropped = metrics.counter("mask_frames_dropped_total", "Frames neither shown nor withheld", ("cause",))
        self.withheld = metrics.counter("mask_frames_withheld_total", "Frames withheld", ("reason",))
        self.faults = metrics.counter("mask_faults_total", "Failures while masking or encoding", ("cause",))
        self.encode_s = metrics.histogram(
            "mask_encode_seconds", "Scaling and encoding of one access unit", _ENCODE_BUCKETS_S, ("layer",)
        )
        self.published = metrics.counter("mask_access_units_total", "Access units published", ("layer", "kind"))
        self.unpublished = metrics.counter("mask_access_units_dropped_total", "Access units dropped", ("cause",))
        self.stills = metrics.counter("mask_stills_total", "Stills made", ("outcome",))
        self.refused = metrics.counter(
            "mask_messages_refused_total", "Messages that are none, or none for us", ("kind",)
        )
        self.cameras = metrics.gauge("mask_cameras", "Cameras with a thread")
        self.gate = metrics.gauge("mask_gate_open", "1 while media may be published")
