"""Backoff, addresses with credentials, and the registry's entries."""

import random
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.messages import Camera, Credentials, DownReason, Transport
from proto.names import camera_id, site_id
from services.ingest.errors import SessionEnded
from services.ingest.registry import Registry
from services.ingest.source import Source
from services.ingest.stream.backoff import Backoff

SITE = site_id("islington")
CAM = camera_id("cam1")


def test_waits_double_up_to_the_bound_and_start_again_after_a_reset() -> None:
    backoff = Backoff(0.5, 15.0, random.Random(1))
    waits = [backoff.next_s() for _ in range(200)]
    for wait_s, longest_s in zip(waits, [0.5, 1, 2, 4, 8, *[15] * 195], strict=True):
        assert longest_s / 2 <= wait_s <= longest_s
    backoff.reset()
    assert backoff.next_s() <= 0.5


def source(address: str, name: str = "", password: str = "") -> Source:
    return Source(address, Transport.TCP, Credentials(username=name, password=password) if name else None)


def test_credentials_are_put_into_the_address_for_libav_alone() -> None:
    opened = source("rtsp://10.0.0.1:554/stream?a=1", "admin", "p@ss:w/rd")
    assert opened.url() == "rtsp://admin:p%40ss%3Aw%2Frd@10.0.0.1:554/stream?a=1"
    assert "p@ss" not in repr(opened)
    assert "p%40ss" not in repr(opened)


@given(st.text(st.characters(max_codepoint=0x7FF), min_size=1, max_size=8), st.text(max_size=5))
def test_any_credentials_survive_the_address(name: str, password: str) -> None:
    parts = urlsplit(source("rtsp://camera.example/x", name, password).url())
    assert parts.hostname == "camera.example"
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (name, password)


def test_credentials_that_libav_would_cut_are_refused() -> None:
    with pytest.raises(SessionEnded) as ended:
        source("rtsp://10.0.0.1/x", "admin", "é" * 60).url()
    assert ended.value.reason is DownReason.BAD_CREDENTIALS


@pytest.mark.parametrize(
    "address",
    ["rtsp:///x", "rtsp://[::1/x", "rtsp://host:99999/x", "rtsp://host:port/x", "rtsp://a b/x", "rtsp://:554/x"],
)
def test_an_address_that_cannot_be_read_is_refused_before_libav_sees_it(address: str) -> None:
    with pytest.raises(SessionEnded) as ended:
        source(address).url()
    assert ended.value.reason is DownReason.BAD_ADDRESS


def entry(camera: str = "cam1", site: str = "islington", address: str = "rtsp://10.0.0.1/a") -> bytes:
    return Camera(camera=camera_id(camera), site=site_id(site), name="A camera", address=address).to_wire()


def test_an_entry_and_its_credentials_make_a_source() -> None:
    stored = Credentials(username="admin", password="secret").to_wire()
    found = Registry(SITE).cameras({"cam1": entry()}, {"cam1": stored})
    assert found == {CAM: source("rtsp://10.0.0.1/a", "admin", "secret")}


@pytest.mark.parametrize("broken", [b"", b"{", b"null", b"\xff", entry("cam2"), entry(site="camden")])
def test_a_broken_entry_concerns_its_own_camera_alone(broken: bytes) -> None:
    found = Registry(SITE).cameras({"cam1": broken, "cam3": entry("cam3")}, {})
    refused = found[CAM]
    assert isinstance(refused, SessionEnded)
    assert refused.reason is DownReason.BAD_ADDRESS
    assert isinstance(found[camera_id("cam3")], Source)


def test_broken_credentials_are_a_reason_of_their_own() -> None:
    refused = Registry(SITE).cameras({"cam1": entry()}, {"cam1": b'{"username": 3}'})[CAM]
    assert isinstance(refused, SessionEnded)
    assert refused.reason is DownReason.BAD_CREDENTIALS


def test_a_key_that_is_no_camera_is_passed_over() -> None:
    assert Registry(SITE).cameras({"Not.A*Camera": entry()}, {}) == {}


@given(st.dictionaries(st.text(max_size=12), st.binary(max_size=60), max_size=4), st.binary(max_size=60))
def test_whatever_is_stored_nothing_is_raised(stored: dict[str, bytes], credentials: bytes) -> None:
    Registry(SITE).cameras({**stored, "cam1": entry()}, {"cam1": credentials})
