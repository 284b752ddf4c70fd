"""Who watches what through which relay, at whichever gateway he was let in: a bounded table."""

import math

from pydantic import ValidationError

from proto.messages import CameraKey, Message, Relay, Session, Slug, Utc
from proto.names import Layer, SessionId
from services.runtime import logs
from services.runtime.clock import Clock
from services.runtime.kv import Entry

KEY_PREFIX = "viewer."
"""Of a viewer's key in the bucket `sessions`. A session's own has no dot, so that neither is taken for the other."""

MAX_VIEWERS_EACH = 64
"""Of one signed-in session: a wall of tiles, opened again once. Beyond it the oldest is closed."""

MAX_VIEWERS_OF_PERSON = 64
"""In all sessions. Beyond it the oldest of the session that asks gives way; one that has none is refused."""

MAX_VIEWERS = 10_000
"""Of the site. Beyond it nobody is let in."""

_log = logs.logger(__name__)


class Viewer(Message):
    """One WebRTC peer: its own session, the relay that it hangs on, and the signed-in session that answers for it.

    In the bucket `sessions` under `viewer_key(session)`, so that any gateway can end it.
    """

    session: Session
    relay: Relay
    camera: CameraKey
    layer: Layer
    access: Slug
    person_key: Slug
    started: Utc


def viewer_key(session: SessionId) -> str:
    return f"{KEY_PREFIX}{session}"


def read_viewer(entry: Entry) -> Viewer | None:
    """None for what cannot be read, or was written for another key."""
    try:
        viewer = Viewer.from_wire(entry.value or b"")
    except ValidationError as exc:
        _log.warning("unreadable viewer", key=entry.key, errors=exc.error_count())
        return None
    return viewer if viewer_key(viewer.session) == entry.key else None


class Viewers:
    """Viewers that were let in and not seen out, at all gateways. Pure.

    A relay lets go of a peer that is gone without telling, so some of these have left already: closing them once
    more does no harm.
    """

    def __init__(
        self,
        clock: Clock,
        limit: int = MAX_VIEWERS,
        limit_each: int = MAX_VIEWERS_EACH,
        limit_of_person: int = MAX_VIEWERS_OF_PERSON,
    ) -> None:
        self._clock = clock
        self._limit = limit
        self._limit_each = limit_each
        self._limit_of_person = limit_of_person
        self._viewers: dict[SessionId, Viewer] = {}
        self._heard_s: dict[SessionId, float] = {}
        self._of_access: dict[str, dict[SessionId, None]] = {}
        self._of_person: dict[str, dict[SessionId, None]] = {}

    def __len__(self) -> int:
        return len(self._viewers)

    @property
    def is_full(self) -> bool:
        return len(self._viewers) >= self._limit

    def get(self, session: SessionId) -> Viewer | None:
        return self._viewers.get(session)

    def all(self) -> list[Viewer]:
        return list(self._viewers.values())

    def of_access(self, access: str) -> list[Viewer]:
        """In the order in which they became known here."""
        return [self._viewers[session] for session in self._of_access.get(access, ())]

    def known_for_s(self, session: SessionId) -> float:
        """How long ago this gateway heard of a viewer; infinite for one that it has let in itself."""
        return self._clock.monotonic_s() - self._heard_s.get(session, -math.inf)

    def is_share_used_up(self, person_key: str, access: str) -> bool:
        """Whether a person has all the viewers that one may have, none of them in this signed-in session."""
        return len(self._of_person.get(person_key, ())) >= self._limit_of_person and access not in self._of_access

    def add(self, viewer: Viewer) -> list[Viewer]:
        """Take in a viewer let in here; returns older ones of the same signed-in session that are now too many."""
        self._viewers[viewer.session] = viewer
        self._of_access.setdefault(viewer.access, {})[viewer.session] = None
        self._of_person.setdefault(viewer.person_key, {})[viewer.session] = None
        mine = self.of_access(viewer.access)
        of_person = len(self._of_person[viewer.person_key])
        excess = max(0, len(mine) - self._limit_each, of_person - self._limit_of_person)
        return [other for other in mine[:excess] if other is not viewer]

    def take(self, entry: Entry) -> None:
        """A change in the store, of this gateway's own writes too."""
        if entry.value is None:
            self.discard(SessionId(entry.key.removeprefix(KEY_PREFIX)))
        elif (viewer := read_viewer(entry)) is not None:
            self.hear_of(viewer)

    def hear_of(self, viewer: Viewer) -> None:
        """Take in a viewer that the store tells of, mostly another gateway's."""
        if viewer.session not in self._viewers:
            self._heard_s[viewer.session] = self._clock.monotonic_s()
            self.add(viewer)

    def discard(self, session: SessionId) -> None:
        viewer = self._viewers.pop(session, None)
        if viewer is None:
            return
        self._heard_s.pop(session, None)
        for index, key in ((self._of_access, viewer.access), (self._of_person, viewer.person_key)):
            del index[key][session]
            if not index[key]:
                del index[key]
