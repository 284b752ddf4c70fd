"""RTSP messages are cut out of any stream of bytes, and what is no RTSP is refused."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.camera.rtsp import (
    MAX_MESSAGE_BYTES,
    BadRequest,
    Interleaved,
    Request,
    RequestReader,
    Transport,
    parse_transport,
    response,
)

STREAM = (
    b"OPTIONS rtsp://h:1/cam1 RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    b"$\x01\x00\x03abc"
    b"GET_PARAMETER rtsp://h:1/cam1/ RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\nping"
    b"$\x00\x00\x00"
    b"PLAY rtsp://h:1/cam1/trackID=0?x=y RTSP/1.0\r\ncseq:3\r\nSession:  abc\r\n\r\n"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_messages_are_the_same_however_the_bytes_arrive(cuts: list[int]) -> None:
    reader = RequestReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    messages = [message for a, b in pairwise(edges) for message in reader.feed(STREAM[a:b])]
    assert [type(message) for message in messages] == [Request, Interleaved, Request, Interleaved, Request]
    requests = [message for message in messages if isinstance(message, Request)]
    assert [request.method for request in requests] == ["OPTIONS", "GET_PARAMETER", "PLAY"]
    assert [request.headers["cseq"] for request in requests] == ["1", "2", "3"]
    assert [request.path for request in requests] == ["cam1", "cam1", "cam1/trackID=0"]
    assert requests[2].headers["session"] == "abc"
    assert messages[1] == Interleaved(1, b"abc")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        b"OPTIONS\r\n\r\n",
        b"OPTIONS a b RTSP/1.0\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: \xff\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n",
        b"A" * (MAX_MESSAGE_BYTES + 1),
    ],
)
def test_what_is_no_request_is_refused(sent: bytes) -> None:
    with pytest.raises(BadRequest):
        list(RequestReader().feed(sent))


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_be_read_or_refused(sent: bytes) -> None:
    try:
        list(RequestReader().feed(sent))
    except BadRequest:
        return


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=2-3", Transport(True, 2, 3)),
        ("RTP/AVP/TCP;unicast", Transport(True, 0, 1)),
        ("RTP/AVP;unicast;client_port=5000-5001", Transport(False, 5000, 5001)),
        ("RTP/AVP/UDP;unicast;client_port=5000", Transport(False, 5000, 5001)),
        ("RTP/AVP;multicast;client_port=5000-5001, RTP/AVP/TCP;interleaved=0-1", Transport(True, 0, 1)),
        ("RTP/AVP;unicast", None),
        ("RTP/AVP;unicast;client_port=70000-70001", None),
        ("RTP/AVP/TCP;interleaved=255-256", None),
        ("RTP/AVP/TCP;interleaved=a-b", None),
        ("RTP/SAVP;unicast;client_port=5000-5001", None),
        ("", None),
    ],
)
def test_first_transport_that_the_device_has_is_taken(offered: str, taken: Transport | None) -> None:
    assert parse_transport(offered) == taken


def test_response_gives_the_length_of_its_body() -> None:
    answer = response(454, "3", {"Session": "x"}, "é")
    assert answer.startswith(b"RTSP/1.0 454 Session Not Found\r\nCSeq: 3\r\n")
    assert b"Content-Length: 2\r\n" in answer
    assert answer.endswith("\r\n\r\né".encode())
