"""One task a camera: started, restarted, stopped, and kept apart from the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from proto.messages import CameraState, Transport
from proto.names import CameraId, camera_id
from services.ingest import supervisor as module
from services.ingest.registry import Wanted
from services.ingest.source import Source
from services.ingest.supervisor import Supervisor
from tests.support.waiting import until

ONE, TWO = camera_id("cam1"), camera_id("cam2")


def at(path: str) -> Source:
    return Source(f"rtsp://10.0.0.1/{path}", Transport.TCP)


@dataclass
class Life:
    """A camera's life that does nothing but be there."""

    camera: CameraId
    wanted: Wanted
    log: list[str]
    fails: bool = False
    demanded: list[bool] = field(default_factory=list)
    state: CameraState = CameraState.LIVE

    def want(self, *, is_wanted: bool) -> None:
        self.demanded.append(is_wanted)

    async def run(self) -> None:
        self.log.append(f"start {self.camera}")
        try:
            if self.fails:
                raise RuntimeError("a defect")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.log.append(f"end {self.camera}")


class Rig:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.lives: list[Life] = []
        self.failing: set[CameraId] = set()
        self.demanded: set[CameraId] = set()
        self.gone: list[CameraId] = []
        self.supervisor = Supervisor(self._make, self.demanded.__contains__, self.gone.append)

    def _make(self, camera: CameraId, wanted: Wanted) -> Life:
        life = Life(camera, wanted, self.log, camera in self.failing)
        self.lives.append(life)
        return life

    @classmethod
    @asynccontextmanager
    async def running(cls) -> "AsyncIterator[Rig]":
        rig = cls()
        try:
            yield rig
        finally:
            await rig.supervisor.close()


async def test_cameras_are_started_and_stopped_as_they_are_registered() -> None:
    async with Rig.running() as rig:
        rig.supervisor.apply({ONE: at("a"), TWO: at("b")})
        await until(lambda: len(rig.log) == 2)
        rig.supervisor.apply({TWO: at("b")})
        await until(lambda: rig.gone == [ONE])
        assert rig.log[2:] == ["end cam1"]
        assert ONE not in rig.supervisor


async def test_what_opens_a_camera_restarts_it_and_nothing_else_does() -> None:
    async with Rig.running() as rig:
        rig.supervisor.apply({ONE: at("a"), TWO: at("b")})
        await until(lambda: len(rig.lives) == 2)
        rig.supervisor.apply({ONE: at("a"), TWO: at("changed")})
        await until(lambda: len(rig.lives) == 3)
        assert rig.log == ["start cam1", "start cam2", "end cam2", "start cam2"]
        assert rig.lives[2].wanted == at("changed")


async def test_a_camera_registered_again_waits_for_its_former_life_to_end() -> None:
    async with Rig.running() as rig:
        rig.supervisor.apply({ONE: at("a")})
        await until(lambda: rig.log)
        rig.supervisor.apply({})
        rig.supervisor.apply({ONE: at("a")})
        await until(lambda: len(rig.log) == 3)
        assert rig.log == ["start cam1", "end cam1", "start cam1"]
        assert rig.gone == []


async def test_a_camera_that_fails_is_started_again_and_disturbs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTART_FIRST_S", 0.01)
    async with Rig.running() as rig:
        rig.failing.add(ONE)
        rig.supervisor.apply({ONE: at("a"), TWO: at("b")})
        await until(lambda: rig.log.count("start cam1") >= 3)
        assert rig.log.count("start cam2") == 1
        assert "end cam2" not in rig.log


async def test_a_camera_that_comes_while_it_is_wanted_is_told_at_once() -> None:
    async with Rig.running() as rig:
        rig.demanded.add(ONE)
        rig.supervisor.apply({ONE: at("a")})
        await until(lambda: rig.lives and rig.lives[0].demanded == [True])
        rig.demanded.clear()
        rig.supervisor.demand(ONE)
        rig.supervisor.demand(TWO)
        assert rig.lives[0].demanded == [True, False]


async def test_states_are_counted() -> None:
    async with Rig.running() as rig:
        rig.supervisor.apply({ONE: at("a"), TWO: at("b")})
        await until(lambda: len(rig.lives) == 2)
        assert rig.supervisor.states() == {CameraState.LIVE: 2}


async def test_closing_ends_all() -> None:
    async with Rig.running() as rig:
        rig.supervisor.apply({ONE: at("a"), TWO: at("b")})
        await until(lambda: len(rig.log) == 2)
    assert sorted(rig.log[2:]) == ["end cam1", "end cam2"]
