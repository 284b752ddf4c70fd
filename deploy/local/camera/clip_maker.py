"""Makes missing clips, each in a process of its own: off the event loop, on all cores, and the memory is given back.

The process is this module: `python -m deploy.local.camera.clip_maker CACHE SPEC`, the spec in JSON.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from deploy.local.camera.clip import Clip, ClipSpec, Report, load, make
from deploy.local.camera.errors import BrokenClip, ClipNotMade

_PROJECT = Path(__file__).resolve().parents[3]


async def clips_for(cameras: Mapping[str, ClipSpec], cache: Path, report: Report) -> dict[str, Clip]:
    """Return each camera's clip, made first where the cache has none. Raises ClipNotMade."""
    cores = asyncio.Semaphore(os.cpu_count() or 1)
    specs = set(cameras.values())
    try:
        async with asyncio.TaskGroup() as group:
            clips = {
                spec: group.create_task(_clip(spec, cache, report, cores), name=f"clip-{spec.scene}") for spec in specs
            }
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return {name: clips[spec].result() for name, spec in cameras.items()}


async def _clip(spec: ClipSpec, cache: Path, report: Report, cores: asyncio.Semaphore) -> Clip:
    clip = await asyncio.to_thread(_load_unbroken, spec, cache, report)
    if clip is None:
        async with cores:
            await _make(spec, cache, report)
        clip = await asyncio.to_thread(load, spec, cache)
    if clip is None:
        raise ClipNotMade(f"{spec.scene}: its clip is not in {cache}")
    return clip


def _load_unbroken(spec: ClipSpec, cache: Path, report: Report) -> Clip | None:
    try:
        return load(spec, cache)
    except BrokenClip as error:
        report(f"{spec.scene}: the clip in the cache is {error} and is made again")
        return None


async def _make(spec: ClipSpec, cache: Path, report: Report) -> None:
    """Run the process and pass its lines on; it is killed when this is cancelled."""
    process = await asyncio.create_subprocess_exec(*_command(spec, cache), cwd=_PROJECT, stdout=PIPE, stderr=STDOUT)
    assert process.stdout is not None
    line = ""
    try:
        async for written in process.stdout:
            line = written.decode(errors="replace").rstrip()
            report(line)
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise ClipNotMade(f"{spec.scene}: drawing ended with {process.returncode}: {line}")


def _command(spec: ClipSpec, cache: Path) -> tuple[str, ...]:
    return sys.executable, "-m", __name__, str(cache.resolve()), json.dumps(asdict(spec))


def main() -> None:
    cache, spec = sys.argv[1:]
    # Ctrl-C reaches the whole process group: end at once, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    make(ClipSpec(**json.loads(spec)), Path(cache), lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
