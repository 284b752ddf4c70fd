"""The bound of the look record."""

from pathlib import Path

from proto.messages import AuditEvent
from proto.names import SiteId
from proto.subjects import AuditKind
from services.relay.audit import MAX_WAITING, LookRecord
from services.relay.measures import Measures
from services.runtime.bus import Bus, BusSettings
from services.runtime.clock import utc
from services.runtime.metrics import Metrics


async def test_full_record_loses_its_oldest_events_and_counts_them() -> None:
    metrics = Metrics()
    bus = Bus(BusSettings(url="nats://127.0.0.1:1", creds=Path("none"), name="test"), "relay", metrics, None)
    record = LookRecord(bus, Measures(metrics))
    for i in range(MAX_WAITING + 3):
        record.add(AuditEvent(id=f"e{i}", at=utc(0), site=SiteId("islington"), kind=AuditKind.LOOK_STOP, actor="Ada"))
    assert metrics.registry.get_sample_value("us_relay_audit_dropped_total", {"cause": "full"}) == 3
    await record.flush(0.01)
