"""Names, subjects, headers and messages: what is taken and what is refused."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from proto import subjects
from proto.codec import AccessUnitHeaders, MalformedHeaders
from proto.limits import MAX_HEADER_BYTES
from proto.messages import Camera, Doorbell, MaskSet, WithheldReason
from proto.names import CameraId, Epoch, InvalidName, Layer, SiteId, slug
from proto.subjects import LayerAddress

SITE = SiteId("islington")
slugs = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(slugs)
def test_slug_is_taken_as_it_is(text: str) -> None:
    assert slug(text) == text


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a.b", "a*", ">", "a b", "a" * 64, "café", "a\n", "$kv"])
def test_string_that_would_change_a_subject_is_no_slug(text: str) -> None:
    with pytest.raises(InvalidName):
        slug(text)


@given(slugs, slugs, slugs, st.sampled_from(Layer))
def test_layer_subjects_are_read_back(demander: str, site: str, camera: str, layer: Layer) -> None:
    address = LayerAddress(demander, SiteId(site), CameraId(camera), layer)
    subject = subjects.demand(SiteId(demander), SiteId(site), CameraId(camera), layer)
    assert subjects.parse_layer(subject) == address
    assert subjects.parse_layer(subjects.masked(SiteId(site), CameraId(camera), layer)).camera == camera


@given(st.text(max_size=80))
def test_any_other_subject_names_no_layer_and_raises_nothing_else(text: str) -> None:
    try:
        subjects.parse_layer(text)
    except InvalidName:
        return
    assert text.startswith(("demand.", "keyframe.", "masked."))


@pytest.mark.parametrize("subject", ["status.islington", "status.islington.cam1.more", "status.islington.*", ""])
def test_subject_without_a_camera_is_refused(subject: str) -> None:
    with pytest.raises(InvalidName):
        subjects.parse_camera(subject)


def headers(**changes: Any) -> AccessUnitHeaders:
    fields: dict[str, Any] = {
        "epoch": Epoch(3),
        "seq": 10,
        "prev": 9,
        "pts_90k": 36_000,
        "captured_utc_us": 1_700_000_000_000_000,
        "is_keyframe": False,
        "width": 1920,
        "height": 1080,
        "mask_revision": 4,
    }
    return AccessUnitHeaders(**(fields | changes))


@pytest.mark.parametrize("unit", [headers(), headers(slate=WithheldReason.REVOKED, mask_revision=0)])
def test_headers_survive_the_wire(unit: AccessUnitHeaders) -> None:
    assert AccessUnitHeaders.from_wire(unit.to_wire()) == unit


def test_headers_fit_their_limit() -> None:
    wire = headers(epoch=Epoch(2**63), seq=2**63, prev=2**63, pts_90k=2**63, slate=WithheldReason.MASK_UNREADABLE)
    assert sum(len(k) + len(v) + 4 for k, v in wire.to_wire().items()) < MAX_HEADER_BYTES


@pytest.mark.parametrize(
    "change",
    [
        {"Us-Version": "2"},
        {"Us-Epoch": "0"},
        {"Us-Epoch": "x"},
        {"Us-Seq": "-1"},
        {"Us-Prev": "-2"},
        {"Us-Size": "1920"},
        {"Us-Size": "0x0"},
        {"Us-Size": "99999x99999"},
        {"Us-Mask": "0"},
        {"Us-Slate": "because"},
        {"Us-Captured": ""},
    ],
)
def test_headers_out_of_range_are_malformed(change: dict[str, str]) -> None:
    with pytest.raises(MalformedHeaders):
        AccessUnitHeaders.from_wire(headers().to_wire() | change)


def test_missing_header_is_malformed() -> None:
    for name in headers().to_wire():
        wire = headers().to_wire()
        del wire[name]
        with pytest.raises(MalformedHeaders):
            AccessUnitHeaders.from_wire(wire)


@given(st.dictionaries(st.sampled_from(list(headers().to_wire())), st.text(max_size=20)))
def test_any_headers_are_read_or_malformed(wire: dict[str, str]) -> None:
    with contextlib.suppress(MalformedHeaders):
        AccessUnitHeaders.from_wire(headers().to_wire() | wire)


def mask_set(**changes: Any) -> dict[str, Any]:
    return {
        "camera": "cam1",
        "revision": 1,
        "polygons": [[[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]],
        "aspect": 1.78,
        "approved_by": "somebody",
        "approved_at": datetime.now(UTC),
    } | changes


def test_mask_set_is_taken() -> None:
    assert MaskSet.model_validate(mask_set()).polygons[0][2] == (0.5, 0.5)
    assert MaskSet.model_validate(mask_set(polygons=[], is_mask_free=True)).is_mask_free


@pytest.mark.parametrize(
    "change",
    [
        {"polygons": [[[0.1, 0.1], [0.5, 0.1]]]},
        {"polygons": [[[0.1, 0.1], [0.5, 0.1], [float("nan"), 0.5]]]},
        {"polygons": [[[0.1, 0.1], [0.5, 0.1], [float("inf"), 0.5]]]},
        {"polygons": [[[0.1, 0.1], [0.5, 0.1], [1.01, 0.5]]]},
        {"polygons": [[[0.1, 0.1], [0.5, 0.1], [-0.01, 0.5]]]},
        {"polygons": []},
        {"is_mask_free": True},
        {"polygons": [mask_set()["polygons"][0]] * 65},
        {"polygons": [[[0.1, 0.1]] * 257]},
        {"aspect": 0},
        {"approved_by": ""},
        {"approved_at": datetime(2026, 1, 1)},  # noqa: DTZ001  # a time without a zone is the point
    ],
)
def test_mask_set_that_could_leak_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MaskSet.model_validate(mask_set(**change))


@pytest.mark.parametrize("ring", ["../x.ring", "/dev/shm/x.ring", "x.ring/..", "X.ring", ".ring", "a.ring\n"])
def test_doorbell_names_a_file_and_never_a_path(ring: str) -> None:
    with pytest.raises(ValidationError):
        Doorbell(camera=CameraId("cam1"), epoch=Epoch(1), ring=ring, head=1)


@pytest.mark.parametrize("address", ["http://x/", "rtsp://", "rtsp://u:p@host/", "file:///etc/passwd", "rtsp://u@h"])
def test_address_that_is_not_rtsp_or_carries_credentials_is_refused(address: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Camera(camera=CameraId("cam1"), site=SITE, name="x", address=address)
    assert "u:p" not in raised.value.errors()[0]["msg"]
