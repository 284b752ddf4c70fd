"""A camera's epoch: the revision of the write that says whose it is now.

Whoever starts a camera writes its lease, unconditionally, and keeps the revision until the camera's task ends. That
is right for one ingest process a site and no more: there is no time to live, nothing is renewed, and two processes
that both start a camera both go on. What the epoch already does is fence: relays forward the newest alone.
"""

import asyncio
from collections.abc import Callable

from proto.messages import Lease
from proto.names import CameraId, Epoch, PodId
from services.ingest.stream.backoff import Backoff
from services.runtime.clock import Clock, utc
from services.runtime.errors import RuntimeFault
from services.runtime.kv import Keys


class Leases:
    """Takes epochs from the bucket `leases` for one pod."""

    def __init__(self, keys: Keys, pod: PodId, clock: Clock) -> None:
        self._keys = keys
        self._pod = pod
        self._clock = clock

    async def take(self, camera: CameraId, backoff: Backoff, on_failure: Callable[[RuntimeFault], None]) -> Epoch:
        """Write the lease and return its epoch. While the store does not answer, tries again for ever."""
        while True:
            lease = Lease(pod=self._pod, acquired=utc(self._clock.utc_us()))
            try:
                return Epoch(await self._keys.put(camera, lease.to_wire()))
            except RuntimeFault as fault:
                on_failure(fault)
            await asyncio.sleep(backoff.next_s())
