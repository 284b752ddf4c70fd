"""Where viewers are kept, so that a gateway that is killed leaves none behind whom nobody can close."""

import math
from typing import Final

from proto.names import SessionId
from proto.subjects import Bucket
from services.gateway.sessions import SessionRecord
from services.gateway.viewers import KEY_PREFIX, Viewer, read_viewer, viewer_key
from services.runtime.bus import Bus
from services.runtime.clock import Clock, utc
from services.runtime.kv import Keys

VIEWERS: Final = f"{KEY_PREFIX}*"
"""Filter of the bucket's viewers."""

OUTLIVES_S: Final = 600
"""By how much an entry outlives its signed-in session: the store lets it go without telling, and whoever reads the
bucket anew after that, as a gateway does that starts, must still find whom to close."""

TOMBSTONE_S: Final = 60
"""How long the store remembers that a viewer was closed. Its key is never written again."""


class ViewerStore:
    """The viewers in the bucket `sessions`. How many there are `Viewers` bounds, how long they stay their session."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._keys = Keys(bus, Bucket.SESSIONS)
        self._clock = clock

    async def get(self, session: SessionId) -> Viewer | None:
        """Raises RuntimeFault."""
        entry = await self._keys.get(viewer_key(session))
        return None if entry is None else read_viewer(entry)

    async def put(self, viewer: Viewer, access: SessionRecord) -> None:
        """Raises RuntimeFault; then it may be stored or not."""
        left_s = (access.expires - utc(self._clock.utc_us())).total_seconds()
        ttl_s = max(0, math.ceil(left_s)) + OUTLIVES_S
        await self._keys.put(viewer_key(viewer.session), viewer.to_wire(), ttl_s=ttl_s)

    async def remove(self, session: SessionId) -> None:
        """Raises RuntimeFault."""
        await self._keys.delete(viewer_key(session), ttl_s=TOMBSTONE_S)
