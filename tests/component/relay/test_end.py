"""How a viewer ends, and what is written of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from proto import subjects
from proto.messages import AuditEvent, Closed
from proto.names import Layer
from proto.subjects import AUDIT_STREAM, AuditKind, RelayCall
from services.relay import viewers
from services.runtime.bus import Bus, BusSettings
from services.runtime.errors import Unavailable
from services.runtime.metrics import Metrics
from tests.component.relay.camera import CAMERA, SITE, WIDTH, MaskedCamera
from tests.component.relay.running import Relay, new_session, relaying
from tests.component.relay.watcher import watching
from tests.support.waiting import until
from tests.unit.relay.offers import CHROMIUM


class Record:
    """What a relay appended, and what the stream says that it holds."""

    def __init__(self, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        self._relay = relay
        self.events: list[AuditEvent] = []
        append = relay.process.bus.append

        async def recording(subject: str, payload: bytes, **options: Any) -> int:
            sequence = await append(subject, payload, **options)
            self.events.append(AuditEvent.from_wire(payload))
            return sequence

        monkeypatch.setattr(relay.process.bus, "append", recording)

    async def stored(self) -> dict[str, int]:
        """Messages in the stream by subject, as the bootstrap user may ask."""
        nats = self._relay.nats
        settings = BusSettings(url=nats.url, creds=nats.creds("bootstrap"), name="test")
        async with Bus.connect(settings, user="bootstrap", metrics=Metrics()) as bus:
            query = json.dumps({"subjects_filter": ">"}).encode()
            reply = await bus.request(f"$JS.API.STREAM.INFO.{AUDIT_STREAM}", query, timeout_s=2)
        return dict(json.loads(reply.payload)["state"].get("subjects") or {})


async def test_close_ends_the_viewer_and_the_look_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        record = Record(relay, monkeypatch)
        async with watching() as watcher:
            session = new_session()
            answer = await relay.watch(watcher, session=session)
            await watcher.frame_after(0, width=WIDTH)
            assert (await relay.close(answer, session)).was_open
            assert relay.metric("viewers") == 0
            await until(lambda: watcher.connection.connectionState == "closed", what="the viewer is told")
            assert not (await relay.close(answer, session)).was_open
            await until(lambda: record.events, what="the look's end is recorded")
        event = record.events[0]
        assert (event.kind, event.site, event.camera, event.layer) == (AuditKind.LOOK_STOP, SITE, CAMERA, Layer.MAIN)
        assert (event.session, event.actor, event.detail) == (session, "Ada", "revoked")
        assert event.seconds is not None
        assert 0 < event.seconds < 10
        assert await record.stored() == {subjects.audit(SITE, CAMERA, AuditKind.LOOK_STOP): 1}


async def test_viewer_who_leaves_is_noticed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        record = Record(relay, monkeypatch)
        async with watching() as watcher:
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
        await until(lambda: relay.metric("viewers") == 0, what="the viewer is forgotten", timeout_s=2)
        await until(lambda: [event.detail for event in record.events] == ["left"], what="it is recorded")


async def test_viewer_that_never_connects_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "CONNECT_LIMIT_S", 0.3)
    async with relaying(tmp_path) as relay:
        record = Record(relay, monkeypatch)
        assert (await relay.offer(CHROMIUM)).error is None
        assert relay.metric("viewers") == 1
        await until(lambda: relay.metric("viewers") == 0, what="it is ended", timeout_s=3)
        await until(lambda: [event.detail for event in record.events] == ["never connected"], what="it is recorded")


async def test_look_that_ends_while_the_stream_is_away_is_recorded_later_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        record = Record(relay, monkeypatch)
        async with watching() as watcher:
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
            await relay.nats.kill()
        await until(lambda: relay.metric("viewers") == 0, what="the viewer is gone")
        assert not record.events
        await relay.nats.start()
        await until(lambda: record.events, what="the look's end is recorded")
        assert await record.stored() == {subjects.audit(SITE, CAMERA, AuditKind.LOOK_STOP): 1}


async def test_close_that_is_none_closes_nobody(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay:
        answer = await relay.offer(CHROMIUM)
        for payload in (b"", b"{}", b'{"session": "a b"}', b'{"session": "nobody"}'):
            subject = subjects.relay_call(answer.relay, RelayCall.CLOSE)
            reply = await relay.gateway.request(subject, payload, timeout_s=2)
            assert not Closed.from_wire(reply.payload).was_open
        assert relay.metric("viewers") == 1


async def test_drain_refuses_the_new_ends_the_old_and_stops_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        record = Record(relay, monkeypatch)
        async with watching() as watcher:
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
            relay.process.draining.set()
            await until(lambda: relay.task.done(), what="the relay ends", timeout_s=5)
            await until(lambda: watcher.connection.connectionState == "closed", what="the viewer is told")
            assert [event.detail for event in record.events] == ["the relay is ending"]
            assert relay.metric("viewers") == 0
            assert relay.metric("layers") == 0
            with pytest.raises(Unavailable):
                await relay.offer(CHROMIUM)
