"""A table follows its watch, counts own writes at once, and holds nothing that it cannot read."""

from hypothesis import given
from hypothesis import strategies as st

from proto.messages import MaskPointer
from proto.names import CameraId
from services.gateway.tables import MAX_UNCONFIRMED, Table
from services.runtime.kv import Entry

CAM = CameraId("cam1")


def wire(revision: int) -> bytes:
    return MaskPointer(camera=CAM, revision=revision).to_wire()


def test_an_own_write_counts_before_the_watch_tells_of_it() -> None:
    table = Table(MaskPointer)
    table.took("a", wire(1), 5)
    table.take(Entry("a", wire(9), 4))
    assert table.get("a") == MaskPointer(camera=CAM, revision=1)
    assert table.revision("a") == 5


def test_an_own_delete_is_not_undone_by_an_older_write() -> None:
    table = Table(MaskPointer)
    table.take(Entry("a", wire(1), 5))
    table.took("a", None, 6)
    table.take(Entry("a", wire(1), 5))
    assert table.get("a") is None
    table.take(Entry("a", None, 6))
    table.take(Entry("a", wire(2), 7))
    assert table.get("a") == MaskPointer(camera=CAM, revision=2)


def test_what_cannot_be_read_is_not_there_and_can_be_replaced() -> None:
    table = Table(MaskPointer)
    table.take(Entry("a", wire(1), 5))
    table.take(Entry("a", b'{"revision": 0}', 6))
    assert table.get("a") is None
    assert list(table.items()) == []
    assert table.revision("a") == 6


def test_writes_that_are_never_confirmed_do_not_pile_up() -> None:
    table = Table(MaskPointer)
    for number in range(MAX_UNCONFIRMED + 10):
        table.took(f"k{number}", None, number + 1)
    assert len(table._own) == MAX_UNCONFIRMED


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=30), st.data())
def test_own_writes_and_the_watch_end_at_the_last_write(writes: list[tuple[str, bool]], data: st.DataObject) -> None:
    """The watch tells of every write in order; any of them may have been our own, and be known before."""
    table = Table(MaskPointer)
    last: dict[str, MaskPointer | None] = {}
    entries = []
    for revision, (key, is_delete) in enumerate(writes, start=1):
        value = None if is_delete else wire(revision)
        last[key] = None if is_delete else MaskPointer(camera=CAM, revision=revision)
        entries.append(Entry(key, value, revision))
        if data.draw(st.booleans()):
            table.took(key, value, revision)
    for entry in entries:
        table.take(entry)
    assert {key: table.get(key) for key in last} == last
