"""Addresses as people write them: credentials are taken out whole, or the address is refused."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.messages import Camera
from proto.names import camera_id, site_id
from services.gateway.addresses import split
from services.gateway.errors import Invalid


@pytest.mark.parametrize(
    ("text", "address", "username", "password"),
    [
        ("rtsp://192.0.2.1/live", "rtsp://192.0.2.1/live", None, None),
        ("rtsp://192.0.2.1", "rtsp://192.0.2.1", None, None),
        ("RTSP://cam.example:8554/a?b=c", "rtsp://cam.example:8554/a?b=c", None, None),
        ("rtsps://user:word@cam.example/x", "rtsps://cam.example/x", "user", "word"),
        ("rtsp://user@cam.example/x", "rtsp://cam.example/x", "user", ""),
        ("rtsp://us%40er:p%2Fw%3A@[2001:db8::1]:554/x", "rtsp://[2001:db8::1]:554/x", "us@er", "p/w:"),
        ("rtsp://admin:p@ss:w@192.0.2.1/x", "rtsp://192.0.2.1/x", "admin", "p@ss:w"),
        ("rtsp://:word@192.0.2.1/", "rtsp://192.0.2.1/", "", "word"),
    ],
)
def test_userinfo_is_taken_out(text: str, address: str, username: str | None, password: str | None) -> None:
    found = split(text)
    assert (found.address, found.username, found.password) == (address, username, password)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.0.2.1/live",
        "http://192.0.2.1/live",
        "file:///etc/passwd",
        "rtsp:/192.0.2.1",
        "rtsp://",
        "rtsp:///live",
        "rtsp://user:word@/live",
        "rtsp://host:0/",
        "rtsp://host:65536/",
        "rtsp://host:port/",
        "rtsp://ho st/",
        "rtsp://host/a b",
        "rtsp://host/\r\nx",
        "rtsp://höst/",
        "rtsp://-host/",
        "rtsp://host/" + "a" * 1_000,
    ],
)
def test_what_is_no_rtsp_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        split(text)


@pytest.mark.parametrize("text", ["rtsp://admin:sec/ret@192.0.2.1/x", "rtsp://admin:sec?ret@192.0.2.1/x"])
def test_a_password_with_a_bare_slash_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        split(text)
    assert "sec" not in str(caught.value)
    assert "ret" not in str(caught.value)


_TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), min_size=1, max_size=30)


@given(_TEXT, _TEXT)
def test_no_address_that_is_kept_holds_credentials(username: str, password: str) -> None:
    found = split(f"rtsp://{quote(username, safe='')}:{quote(password, safe='')}@192.0.2.1:554/live")
    assert (found.username, found.password) == (username, password)
    camera = Camera(camera=camera_id("c"), site=site_id("s"), name="c", address=found.address)
    assert camera.address == "rtsp://192.0.2.1:554/live"
    assert "password" not in repr(found)


@given(st.text(max_size=60))
def test_anything_else_is_either_fit_to_be_stored_or_refused(text: str) -> None:
    try:
        found = split(f"rtsp://{text}")
    except Invalid:
        return
    Camera(camera=camera_id("c"), site=site_id("s"), name="c", address=found.address)
    assert "@" not in found.address
