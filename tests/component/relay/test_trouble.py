"""Trouble with one viewer or one layer stays there."""

import asyncio
import errno
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from services.relay import forwarder, peer
from services.relay.packetise import packetise
from services.relay.pair_socket import PairSocket
from tests.component.relay.camera import WIDTH, MaskedCamera
from tests.component.relay.running import relaying
from tests.component.relay.watcher import watching
from tests.support.waiting import until

IDR = 5


async def test_viewer_whose_socket_is_full_drops_to_the_next_keyframe_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims: list[PairSocket] = []
    is_armed = asyncio.Event()
    writer = PairSocket.writer

    def filling(self: PairSocket) -> Callable[[bytes], object]:
        """Once armed, the next socket takes one packet of a unit and no second."""
        write, written = writer(self), 0

        def full(datagram: bytes) -> object:
            nonlocal written
            written += 1
            if written > 1:
                raise BlockingIOError(errno.EAGAIN, "full")
            return write(datagram)

        if not is_armed.is_set() or victims:
            return write
        victims.append(self)
        return full

    monkeypatch.setattr(PairSocket, "writer", filling)
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as one,
        watching() as other,
    ):
        for watcher in (one, other):
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
        camera.wishes.clear()
        is_armed.set()
        await until(lambda: relay.metric("send_drops_total", cause="full") == 1, what="a full socket")
        await until(lambda: camera.wishes, what="a wish")
        for watcher in (one, other):
            seen = len(watcher.frames)
            await watcher.frame_after(seen + 5, width=WIDTH)
        assert relay.metric("send_drops_total", cause="full") == 1
        slow = min((one, other), key=lambda w: len(w.units()))
        assert sum(IDR in {nal[0] & 0x1F for nal in unit} for unit in slow.units()) > 1


async def test_layer_that_fails_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [RuntimeError("no such luck")]

    def failing(nals: Sequence[bytes]) -> tuple[bytes, ...]:
        if failures:
            raise failures.pop()
        return packetise(nals)

    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as watcher,
    ):
        monkeypatch.setattr(forwarder, "packetise", failing)
        await relay.watch(watcher)
        await watcher.frame_after(0, width=WIDTH)
        assert not failures


async def test_peer_that_fails_to_close_is_forgotten_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = peer.Peer.close

    async def failing(self: peer.Peer) -> None:
        await close(self)
        raise RuntimeError("no such luck")

    monkeypatch.setattr(peer.Peer, "close", failing)
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        async with watching() as watcher:
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
        await until(lambda: relay.metric("viewers") == 0, what="the viewer is forgotten")
        assert not relay.task.done()
