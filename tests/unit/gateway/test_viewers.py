"""The table of viewers is bounded, for each signed-in session, each person and altogether."""

import math
from datetime import UTC, datetime

from proto.names import CameraId, Layer, RelayId, SessionId
from services.gateway.viewers import Viewer, Viewers, viewer_key
from services.runtime.clock import VirtualClock
from services.runtime.kv import Entry

STARTED = datetime(2026, 5, 1, tzinfo=UTC)


def viewer(number: int, access: str = "a", person: str = "person") -> Viewer:
    return Viewer(
        session=SessionId(f"v{number}"),
        relay=RelayId("r"),
        camera=CameraId("cam1"),
        layer=Layer.MAIN,
        access=access,
        person_key=person,
        started=STARTED,
    )


def test_beyond_its_share_a_session_gives_up_its_oldest_viewers() -> None:
    viewers = Viewers(VirtualClock(), limit_each=2)
    assert viewers.add(viewer(1)) == []
    assert viewers.add(viewer(2)) == []
    assert viewers.add(viewer(3, "b")) == []
    assert viewers.add(viewer(4)) == [viewer(1)]
    viewers.discard(SessionId("v1"))
    assert viewers.of_access("a") == [viewer(2), viewer(4)]
    assert viewers.of_access("b") == [viewer(3, "b")]


def test_beyond_his_share_a_person_gives_up_what_the_session_that_asks_has() -> None:
    viewers = Viewers(VirtualClock(), limit_of_person=2)
    for number in (1, 2):
        assert viewers.add(viewer(number)) == []
    assert viewers.is_share_used_up("person", "b")
    assert not viewers.is_share_used_up("person", "a")
    assert not viewers.is_share_used_up("another", "b")
    assert viewers.add(viewer(3)) == [viewer(1)]
    assert viewers.add(viewer(4, "b")) == [], "two at once: never the one that was just let in"


def test_discarding_leaves_nothing_behind() -> None:
    viewers = Viewers(VirtualClock())
    viewers.add(viewer(1))
    viewers.hear_of(viewer(2))
    for session in ("v1", "v1", "v2"):
        viewers.discard(SessionId(session))
    assert len(viewers) == 0
    assert viewers.of_access("a") == []
    assert not any((viewers._of_access, viewers._of_person, viewers._heard_s))


def test_the_table_says_when_it_is_full() -> None:
    viewers = Viewers(VirtualClock(), limit=2)
    viewers.add(viewer(1))
    assert not viewers.is_full
    viewers.add(viewer(2))
    assert viewers.is_full


def test_what_the_store_tells_of_comes_and_goes_and_nonsense_is_left_out() -> None:
    clock = VirtualClock()
    viewers = Viewers(clock)
    value = viewer(1).to_wire()
    for entry in (Entry("viewer.v1", b"{", 1), Entry("viewer.v2", value, 2), Entry("viewer.v1", b"", 3)):
        viewers.take(entry)
        assert len(viewers) == 0
    viewers.take(Entry(viewer_key(SessionId("v1")), value, 4))
    assert viewers.all() == [viewer(1)]
    clock.advance(2)
    viewers.take(Entry("viewer.v1", value, 4))
    assert viewers.known_for_s(SessionId("v1")) == 2
    viewers.take(Entry("viewer.v1", None, 5))
    assert len(viewers) == 0


def test_a_viewer_that_was_let_in_here_needs_no_time_to_settle() -> None:
    viewers = Viewers(VirtualClock())
    viewers.add(viewer(1))
    viewers.take(Entry("viewer.v1", viewer(1).to_wire(), 1))
    assert viewers.known_for_s(SessionId("v1")) == math.inf
