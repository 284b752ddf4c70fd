"""What an SDP offer must have, and what it loses before it is answered."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.relay.errors import InvalidOffer
from services.relay.offer import MAX_CANDIDATES, clean
from tests.unit.relay.offers import CHROMIUM, FINGERPRINT, PASSWORD, UFRAG, without


def candidates(sdp: str) -> list[str]:
    return [line for line in sdp.splitlines() if line.startswith("a=candidate")]


def test_names_of_multicast_dns_and_tcp_are_dropped() -> None:
    assert [line.split()[4] for line in candidates(clean(CHROMIUM))] == ["192.0.2.77"]


def test_end_of_candidates_is_dropped_so_that_the_browser_is_waited_for() -> None:
    assert "end-of-candidates" not in clean(CHROMIUM)


def test_offer_without_candidates_is_fine() -> None:
    assert not candidates(clean(without("a=candidate")))


def test_everything_else_stays_as_it_was() -> None:
    kept = without("a=candidate:1", "a=candidate:3", "a=end-of-candidates")
    assert clean(CHROMIUM) == kept


def test_flood_of_candidates_is_cut() -> None:
    flood = "".join(f"a=candidate:{i} 1 udp 1 192.0.2.{i} 4000 typ host\r\n" for i in range(200))
    assert len(candidates(clean(CHROMIUM + flood))) < MAX_CANDIDATES


def test_transport_may_stand_in_the_session() -> None:
    transport = f"{UFRAG}\r\n{PASSWORD}\r\na=fingerprint:{FINGERPRINT}\r\na=setup:actpass\r\n"
    sdp = without("a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup").replace("m=video", transport + "m=video")
    assert clean(sdp)


def test_refusal_does_not_echo_the_offer() -> None:
    with pytest.raises(InvalidOffer) as raised:
        clean("v=0\r\n<script>alert(1)</script>\r\n")
    assert "script" not in str(raised.value)


@given(st.text(max_size=400), st.integers(0, len(CHROMIUM)), st.integers(0, 40))
def test_any_text_is_refused_or_cleaned(text: str, at: int, instead_of: int) -> None:
    for sdp in (text, CHROMIUM[:at] + text + CHROMIUM[at + instead_of :]):
        with contextlib.suppress(InvalidOffer):
            assert clean(sdp).startswith("v=0")
