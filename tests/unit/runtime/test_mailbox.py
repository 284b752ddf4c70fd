"""The keyframe mailbox: overload costs a jump forward, never a growing delay."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.mailbox import KeyframeMailbox


def mailbox(capacity: int = 3, max_bytes: int = 1000) -> KeyframeMailbox[int]:
    return KeyframeMailbox(capacity=capacity, max_bytes=max_bytes)


async def held(box: KeyframeMailbox[int]) -> list[int]:
    box.close()
    items = []
    while (item := await box.get()) is not None:
        items.append(item)
    return items


async def test_items_come_out_in_order() -> None:
    box = mailbox()
    for n in range(3):
        box.put(n, 10, is_keyframe=n == 0)
    assert await held(box) == [0, 1, 2]


async def test_overflow_drops_everything_up_to_the_next_keyframe() -> None:
    box = mailbox()
    for n in range(5):
        box.put(n, 10, is_keyframe=n == 0)
    assert box.is_waiting_for_keyframe
    box.put(5, 10, is_keyframe=True)
    box.put(6, 10, is_keyframe=False)
    assert box.dropped == 5
    assert await held(box) == [5, 6]


async def test_bytes_are_bounded_too() -> None:
    box = mailbox(capacity=100, max_bytes=25)
    for n in range(3):
        box.put(n, 10, is_keyframe=n == 0)
    assert box.is_waiting_for_keyframe
    assert await held(box) == []


async def test_keyframe_that_overflows_is_kept_alone() -> None:
    box = mailbox(capacity=2)
    box.put(0, 10, is_keyframe=True)
    box.put(1, 10, is_keyframe=False)
    box.put(2, 10, is_keyframe=True)
    assert await held(box) == [2]


async def test_reader_that_waits_is_woken() -> None:
    box = mailbox()
    reader = asyncio.create_task(box.get())
    await asyncio.sleep(0)
    box.put(7, 1, is_keyframe=True)
    assert await asyncio.wait_for(reader, 1) == 7


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 400)), max_size=80), st.integers(1, 6))
def test_what_comes_out_is_always_decodable(puts: list[tuple[bool, int]], capacity: int) -> None:
    async def check() -> None:
        box: KeyframeMailbox[tuple[int, bool]] = KeyframeMailbox(capacity=capacity, max_bytes=1000)
        for n, (is_keyframe, size) in enumerate(puts):
            box.put((n, is_keyframe), size, is_keyframe=is_keyframe)
        box.close()
        previous = -1
        while (item := await box.get()) is not None:
            number, is_keyframe = item
            assert is_keyframe or number == previous + 1
            previous = number

    if puts:
        puts[0] = (True, puts[0][1])
    asyncio.run(check())
