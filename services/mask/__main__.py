"""`python -m services.mask`: reads settings and runs."""

from services.mask.service import MaskService
from services.mask.settings import MaskSettings
from services.runtime.process import Process, Service, run


def make(settings: MaskSettings) -> Service:
    async def serve(process: Process) -> None:
        await MaskService(settings, process).run()

    return serve


if __name__ == "__main__":
    run("mask", MaskSettings, make)
