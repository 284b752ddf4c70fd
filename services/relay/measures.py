"""What the relay counts."""

from services.runtime.metrics import Metrics


class Measures:
    """The relay's Prometheus metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self.viewers = metrics.gauge("relay_viewers", "Viewers admitted and not yet ended")
        self.layers = metrics.gauge("relay_layers", "Layers with at least one viewer")
        self.offers = metrics.counter("relay_offers_total", "Offers, by how they were answered", ("answer",))
        self.forwarded = metrics.counter("relay_access_units_total", "Access units forwarded")
        self.refused = metrics.counter("relay_refused_total", "Access units refused, by cause", ("cause",))
        self.packets = metrics.counter("relay_packets_total", "RTP packets sent to viewers")
        self.resent = metrics.counter("relay_retransmissions_total", "RTP packets sent again")
        self.keyframe_requests = metrics.counter("relay_keyframe_requests_total", "PLI and FIR from viewers")
        self.wishes = metrics.counter("relay_keyframe_wishes_total", "Keyframe wishes published")
        self.slates = metrics.counter("relay_slates_total", "The relay's own slates, by reason", ("reason",))
        self.send_drops = metrics.counter(
            "relay_send_drops_total", "Times a viewer was dropped to the next keyframe, by cause", ("cause",)
        )
        self.audit_dropped = metrics.counter("relay_audit_dropped_total", "Audit events lost, by cause", ("cause",))
