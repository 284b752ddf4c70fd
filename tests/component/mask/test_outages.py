"""The server away, the service killed: what was approved goes on, what was revoked does not come back."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import services.mask.gate
import services.mask.publisher
from proto import subjects
from proto.codec import AccessUnitHeaders
from proto.limits import SLATE_AFTER_S
from proto.messages import CameraState, WithheldReason, mask_pointer_key
from proto.names import CameraId, Layer
from services.mask.crew import Hand
from services.mask.publisher import Publisher
from services.runtime.bus import Message
from services.runtime.clock import SystemClock
from services.runtime.errors import RuntimeFault
from services.runtime.process import Process
from tests.component.mask.stage import SITE, Stage, stage
from tests.support.nats import RunningSite
from tests.support.waiting import until
from tests.unit.mask.decoding import see_all
from tests.unit.mask.samples import CAMERA, mask_set

ROOT = Path(__file__).parents[3]


class Line:
    """The service's way to the server, which the test can cut and mend."""

    def __init__(self, nats: RunningSite) -> None:
        self._target = int(nats.url.rsplit(":", 1)[1])
        self._ends: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._ends |= {writer, back}
        with contextlib.suppress(OSError):
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
        target.close()


@contextlib.asynccontextmanager
async def line(nats: RunningSite) -> AsyncIterator[Line]:
    laid = Line(nats)
    await laid.mend()
    try:
        yield laid
    finally:
        await laid.cut()


@contextlib.contextmanager
def store_held_back(process: Process, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is read from the store while the block runs; what was asked meanwhile is answered at its end."""
    may_answer = asyncio.Event()
    read = process.bus.direct_get

    async def late(stream: str, query: Mapping[str, Any], *, timeout_s: float = 2.0) -> list[Message]:
        await may_answer.wait()
        return await read(stream, query, timeout_s=timeout_s)

    with monkeypatch.context() as patched:
        patched.setattr(process.bus, "direct_get", late)
        yield
    may_answer.set()


async def frames_stopped_at_the_gate(held: Stage) -> None:
    seen = held.counted("frames_dropped_total", cause="gate")
    await until(lambda: held.counted("frames_dropped_total", cause="gate") >= seen + 3, what="frames at the gate")


async def revoke_at_once(held: Stage) -> None:
    """Store the revocation as soon as the server takes it."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(RuntimeFault):
                await held.revoke()
                return
            await asyncio.sleep(0.005)


async def test_a_mask_set_revoked_while_the_service_is_cut_off_never_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path) as held, line(held.nats) as wire:
        await held.approve(mask_set(1))
        async with held.mask(url=wire.url) as process:
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: held.units and held.units[-1].is_picture, what="a picture")
                with store_held_back(process, monkeypatch):
                    await wire.cut()
                    await held.revoke()
                    await held.settled()
                    held.take_units()
                    await wire.mend()
                    await until(lambda: process.bus.is_connected, what="connected again")
                    await held.demand(Layer.MAIN)
                    await frames_stopped_at_the_gate(held)
                    assert held.units == []
                await held.demand(Layer.MAIN)
                await held.until_units(2)
        assert {unit.headers.slate for unit in held.units} == {WithheldReason.REVOKED}


async def test_a_mask_set_revoked_while_the_server_restarts_never_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask() as process:
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: held.units and held.units[-1].is_picture, what="a picture")
                # The service may be connected before the revocation is stored, or after: it has not re-read.
                with store_held_back(process, monkeypatch):
                    await held.nats.stop()
                    await until(lambda: not process.bus.is_connected, what="the service has lost its connection")
                    held.take_units()
                    starting = asyncio.create_task(held.nats.start())
                    await revoke_at_once(held)
                    await starting
                    await until(lambda: process.bus.is_connected, what="the service is back")
                    await held.demand(Layer.MAIN)
                    await frames_stopped_at_the_gate(held)
                    assert held.units == [], "nothing at all until the mask sets have been read again"
                await held.demand(Layer.MAIN)
                await held.until_units(2)
        assert {unit.headers.slate for unit in held.units} == {WithheldReason.REVOKED}


async def test_after_a_restart_what_was_approved_goes_on_with_an_idr(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask() as process:
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: held.units, what="a picture")
                await held.nats.stop()
                await until(lambda: not process.bus.is_connected, what="the service has lost its connection")
                held.take_units()
                await held.nats.start()
                await until(lambda: held.relay.is_connected and held.ingest_bus.is_connected, what="back")
                await held.demand(Layer.MAIN)
                await held.until_units(3)
        assert held.units[0].headers.is_keyframe
        assert {(u.headers.mask_revision, u.headers.slate) for u in held.units} == {(1, None)}
        assert {u.headers.epoch for u in held.units} == {5}


async def test_a_store_that_does_not_answer_is_no_revocation_but_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.mask.gate, "GATE_LIMIT_S", 1.0)
    async with stage(tmp_path) as held, line(held.nats) as wire:
        await held.approve(mask_set(1))
        async with held.mask(url=wire.url) as process:
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: held.units, what="a picture")
                await wire.cut()
                await until(lambda: not process.bus.is_connected, what="the service has lost its connection")
                held.take_units()

                async def unanswered(*_args: object, **_kwargs: object) -> None:
                    raise RuntimeFault("the store does not answer")

                monkeypatch.setattr(process.bus, "direct_get", unanswered)
                await wire.mend()
                await until(lambda: process.bus.is_connected, what="connected again")
                await held.demand(Layer.MAIN)
                await frames_stopped_at_the_gate(held)
                assert held.units == [], "nothing before the store has had its time"
                await held.demand(Layer.MAIN)
                await held.until_units(3)
                await until(lambda: held.statuses[-1].state is CameraState.DEGRADED, what="said to be degraded")
        assert {(u.headers.mask_revision, u.headers.slate) for u in held.units} == {(1, None)}


@contextlib.asynccontextmanager
async def separate_process(held: Stage) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m services.mask`, killed at the end of the block if it still runs."""
    env = {
        **os.environ,
        "US_SITE": SITE,
        "US_NATS_URL": held.nats.url,
        "US_NATS_CREDS": str(held.nats.creds("mask")),
        "US_INSTANCE": "pod-1",
        "US_RING_DIR": str(held.rings),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.mask", cwd=ROOT, env=env, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_service_that_is_killed_and_comes_back_goes_on_from_the_newest_frame_with_an_idr(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        ingest = held.ingest()
        async with separate_process(held) as first:
            async with ingest.playing():
                while len(held.units) < 5:
                    await held.demand(Layer.MAIN)
                    await asyncio.sleep(0.02)
            first.kill()
            await first.wait()
        await held.settled()
        before = held.take_units()
        while ingest.write():
            pass
        async with separate_process(held) as second:
            while not held.units:
                await held.demand(Layer.MAIN)
                ingest.write()
                await ingest.knock()
                await asyncio.sleep(0.02)
            second.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(second.wait(), 10) == 0
        after = held.units
        assert before[0].headers.is_keyframe
        assert after[0].headers.is_keyframe
        assert after[0].headers.seq > before[-1].headers.seq
        see_all(unit.payload for unit in after)


async def test_a_pointer_deleted_during_an_outage_is_noticed(tmp_path: Path) -> None:
    async with stage(tmp_path) as held, line(held.nats) as wire:
        await held.approve(mask_set(1))
        async with held.mask(url=wire.url):
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: held.units, what="a picture")
                await wire.cut()
                await held.masks.delete(mask_pointer_key(CAMERA))
                await held.settled()
                held.take_units()
                await wire.mend()
                await held.demand(Layer.MAIN)
                await held.until_units(1)
        assert {unit.headers.slate for unit in held.units} == {WithheldReason.NO_MASK_SET}


async def test_a_mask_set_that_cannot_be_fetched_leaves_the_old_one_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask() as process:
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: held.units, what="a picture")
                answered = process.bus.direct_get
                asked = 0

                async def unanswered(*_args: object, **_kwargs: object) -> None:
                    nonlocal asked
                    asked += 1
                    raise RuntimeFault("the store does not answer")

                with monkeypatch.context() as patched:
                    patched.setattr(process.bus, "direct_get", unanswered)
                    await held.approve(mask_set(2))
                    await until(lambda: asked >= 2, what="asked for twice")
                    held.take_units()
                    await held.until_units(3)
                    assert {(u.headers.mask_revision, u.headers.slate) for u in held.units} == {(1, None)}
                assert process.bus.direct_get == answered
                await until(lambda: held.units[-1].headers.mask_revision == 2, what="the new one, once it answers")
        assert all(unit.is_picture for unit in held.units)


async def test_a_picture_that_was_held_up_within_the_service_is_not_sent_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = services.mask.publisher.Publisher._send

    async def held_up(self: Publisher, camera: CameraId, hand: Hand) -> None:
        await asyncio.sleep(SLATE_AFTER_S + 0.2)
        await send(self, camera, hand)

    ages_s: list[float] = []

    def take(message: Message) -> None:
        headers = AccessUnitHeaders.from_wire(message.headers)
        ages_s.append((SystemClock().utc_us() - headers.captured_utc_us) / 1_000_000)

    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        await held.relay.subscribe(subjects.masked_of_site(SITE), take)
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            monkeypatch.setattr(services.mask.publisher.Publisher, "_send", held_up)
            async with ingest.playing():
                await until(lambda: held.counted("access_units_dropped_total", cause="old") >= 2, what="dropped")
                await until(lambda: len(ages_s) > 5, what="newer ones sent")
        assert max(ages_s) < SLATE_AFTER_S + 0.15
