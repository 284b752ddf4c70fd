"""Offers: broken ones of many kinds, strange ones that are fine, and those that come too many."""

import asyncio
import random
import re
import time
from pathlib import Path

from proto.messages import RelayErrorKind
from tests.component.relay.camera import WIDTH, MaskedCamera
from tests.component.relay.running import new_session, relaying
from tests.component.relay.watcher import watching
from tests.support.waiting import until
from tests.unit.relay.offers import BROKEN, CHROMIUM, with_, without

INSIDES = re.compile(r"Traceback|Error|File \"|aiortc|0x[0-9a-f]{6}|/")


async def test_broken_offers_are_invalid_and_give_nothing_away(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as watcher,
    ):
        await relay.watch(watcher)
        for name, sdp in BROKEN.items():
            answer = await relay.offer(sdp)
            assert answer.error is RelayErrorKind.INVALID, (name, answer)
            assert not answer.sdp
            assert answer.detail
            assert not INSIDES.search(answer.detail), (name, answer.detail)
        assert relay.metric("viewers") == 1
        assert relay.metric("offers_total", answer="invalid") == len(BROKEN)
        await watcher.frame_after(0, width=WIDTH)


async def test_messages_that_are_no_offer_are_invalid(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay:
        for payload in (b"", b"{}", b"\xff\xfe", b'{"v": 2}', b'{"session": "../..", "camera": "a.b"}'):
            answer = await relay.offer_raw(payload)
            assert answer.error is RelayErrorKind.INVALID


async def test_any_mutilated_offer_is_answered_or_invalid(tmp_path: Path) -> None:
    chance = random.Random(11)
    lines = CHROMIUM.splitlines(keepends=True)
    async with relaying(tmp_path) as relay:
        for _ in range(150):
            mutilated = lines.copy()
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(mutilated))
                line = mutilated[at]
                cut = chance.randint(0, len(line))
                mutilated[at] = chance.choice([line[:cut], line[:cut] + line[cut + 1 :], line * 2, "", "a=mid:\r\n"])
            session = new_session()
            answer = await relay.offer("".join(mutilated), session=session)
            assert answer.error in (None, RelayErrorKind.INVALID), answer
            if answer.error is None:
                await relay.close(answer, session)
        assert relay.metric("viewers") == 0


async def test_offers_of_browsers_are_answered_fast_with_h264_alone(tmp_path: Path) -> None:
    audio_first = with_("a=group:BUNDLE 0", "a=group:BUNDLE 1 0").replace(
        "m=video",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\n"
        + "".join(
            line
            for line in CHROMIUM.splitlines(keepends=True)
            if line.startswith(("a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"))
        )
        + "a=rtpmap:111 opus/48000/2\r\nm=video",
    )
    fine = {
        "with names of multicast DNS": CHROMIUM,
        "without candidates": without("a=candidate", "a=end-of-candidates"),
        "sendrecv": with_("a=recvonly", "a=sendrecv"),
        "active": with_("a=setup:actpass", "a=setup:active"),
        "audio first": audio_first,
        "lines ended by newlines": CHROMIUM.replace("\r\n", "\n"),
    }
    async with relaying(tmp_path) as relay:
        for name, sdp in fine.items():
            started_s = time.monotonic()
            session = new_session()
            answer = await relay.offer(sdp, session=session)
            assert answer.error is None, (name, answer)
            assert time.monotonic() - started_s < 0.5, name
            video = answer.sdp[answer.sdp.index("m=video") :]
            assert "H264/90000" in video
            assert "VP8" not in answer.sdp
            assert "a=sendonly" in video
            assert re.search(r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 ", answer.sdp)
            assert "a=end-of-candidates" in answer.sdp
            assert video.index("42e01f") < video.index("42001f"), "constrained baseline comes first"
            await relay.close(answer, session)


async def test_viewer_without_candidates_of_its_own_is_found(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as watcher,
    ):
        sdp = re.sub(r"a=candidate:.*\r\n", "", await watcher.offer())
        answer = await relay.offer(sdp)
        await watcher.take(answer.sdp)
        await watcher.frame_after(0, width=WIDTH)


async def test_viewers_beyond_the_limit_are_refused_until_one_leaves(tmp_path: Path) -> None:
    async with relaying(tmp_path, relay_viewers=2) as relay:
        sessions = [new_session() for _ in range(3)]
        answers = [await relay.offer(CHROMIUM, session=session) for session in sessions]
        assert [answer.error for answer in answers] == [None, None, RelayErrorKind.EXHAUSTED]
        await relay.close(answers[0], sessions[0])
        assert (await relay.offer(CHROMIUM, session=sessions[2])).error is None


async def test_session_that_is_open_is_not_opened_again(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay:
        session = new_session()
        assert (await relay.offer(CHROMIUM, session=session)).error is None
        assert (await relay.offer(CHROMIUM, session=session)).error is RelayErrorKind.INVALID
        assert relay.metric("viewers") == 1


async def test_many_offers_at_once_are_all_answered(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay:
        answers = await asyncio.gather(*(relay.offer(CHROMIUM) for _ in range(20)))
        assert [answer.error for answer in answers] == [None] * 20
        assert len({answer.relay for answer in answers}) == 1


async def test_relay_with_no_address_says_so(tmp_path: Path) -> None:
    async with relaying(tmp_path, relay_addresses=("198.51.100.250",)) as relay:
        answer = await relay.offer(CHROMIUM)
        assert answer.error is RelayErrorKind.INTERNAL
        await until(lambda: relay.metric("viewers") == 0, what="no place is taken")
