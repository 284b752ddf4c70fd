"""The camera registry over HTTP: what is stored where, what is never given back, and what operators are told."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from proto import subjects
from proto.messages import CameraState, CameraStatus, DownReason, MaskPointer, mask_pointer_key
from proto.names import camera_id, site_id
from proto.subjects import AuditKind, Bucket
from services.gateway.policy import Role
from services.runtime.clock import VirtualClock
from tests.component.gateway.site import SDP, SQUARE, StandIn, gateway_at_work
from tests.support.waiting import until

CAM = camera_id("cam1")
ISLINGTON = site_id("islington")
JPEG = b"\xff\xd8\xff\xe0 a masked picture"


def status(state: CameraState, reason: DownReason | None = None) -> CameraStatus:
    return CameraStatus(
        camera=CAM,
        source="ingest",
        state=state,
        reason=reason,
        since=datetime(2026, 5, 1, tzinfo=UTC),
        width=1920,
        height=1080,
        codec="h264",
    )


async def test_a_camera_is_stored_with_its_credentials_apart_and_never_given_back(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        body = {
            "name": "Upper Street / Angel",
            "address": "rtsp://viewer:s%2Fcret@192.0.2.7:8554/main",
            "transport": "udp",
            "owner": "Islington",
            "groups": ["street", "angel"],
            "latitude": 51.53,
            "longitude": -0.1,
        }
        answer = await client.put("/api/cameras/cam1", json=body)
        assert answer.status_code == 201
        view = answer.json()
        assert view["id"] == "cam1"
        assert view["mask"] == {"state": "none", "revision": None}
        texts = [answer.text, (await client.get("/api/cameras")).text, (await client.get("/api/cameras/cam1")).text]
        assert not any(secret in text for text in texts for secret in ("192.0.2.7", "cret", "viewer"))
        stored = await site.stored(Bucket.CAMERAS, "cam1")
        assert stored is not None
        assert stored["address"] == "rtsp://192.0.2.7:8554/main"
        assert await site.stored(Bucket.CREDENTIALS, "cam1") == {"v": 1, "username": "viewer", "password": "s/cret"}
        assert (await client.put("/api/cameras/cam1", json=body | {"name": "Angel"})).status_code == 200
        first, second = await site.event(AuditKind.CAMERA_CHANGED, 1), await site.event(AuditKind.CAMERA_CHANGED, 2)
        assert (first.detail, second.detail) == ("added", "changed name, credentials")
        assert all("cret" not in event.to_wire().decode() for event in site.events)


async def test_credentials_stay_while_the_address_does_and_go_when_it_changes(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client, username="viewer", password="secret")
        await site.camera(client, name="Renamed")
        assert await site.stored(Bucket.CREDENTIALS, "cam1") is not None
        await site.camera(client, address="rtsp://198.51.100.1/elsewhere")
        assert await site.stored(Bucket.CREDENTIALS, "cam1") is None, "they are for the old address alone"
        await site.camera(client, address="rtsp://viewer:secret@198.51.100.1/elsewhere")
        assert await site.stored(Bucket.CREDENTIALS, "cam1") is not None
        await site.camera(client, address="rtsp://198.51.100.1/elsewhere", username="", password="")
        assert await site.stored(Bucket.CREDENTIALS, "cam1") is None


async def test_a_removed_camera_is_gone_with_its_credentials_masks_and_viewers(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client, username="viewer", password="secret")
        await client.put("/api/cameras/cam1/mask-set", json={"polygons": [SQUARE], "aspect": 1.78})
        relay = await site.relay(StandIn())
        await client.post("/whep/cam1", content=SDP, headers={"Content-Type": "application/sdp"})
        assert (await client.delete("/api/cameras/cam1")).status_code == 204
        assert (await client.get("/api/cameras/cam1")).status_code == 404
        assert (await client.delete("/api/cameras/cam1")).status_code == 404
        assert await site.stored(Bucket.CAMERAS, "cam1") is None
        assert await site.stored(Bucket.CREDENTIALS, "cam1") is None
        await until(lambda: relay.closed, what="its viewer is closed", timeout_s=2)
        again = await site.camera(client)
        assert again["mask"]["state"] == "revoked", "masks drawn for one camera are not in force for the next"
        await site.event(AuditKind.CAMERA_REMOVED)


async def test_people_who_change_a_camera_at_once_do_not_overwrite_each_other(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        bodies = [{"name": f"Name {number}", "address": "rtsp://192.0.2.1/"} for number in range(5)]
        answers = await asyncio.gather(*(client.put("/api/cameras/cam1", json=body) for body in bodies))
        assert {answer.status_code for answer in answers} == {200, 409}
        kept = [answer.json()["name"] for answer in answers if answer.status_code == 200]
        stored = await site.stored(Bucket.CAMERAS, "cam1")
        assert stored is not None
        assert stored["name"] in kept
        assert all(a.json()["error"]["kind"] == "conflict" for a in answers if a.status_code == 409)


async def test_an_entry_that_cannot_be_read_hides_that_camera_and_no_other(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client, "cam1")
        await site.put(Bucket.CAMERAS, "cam2", b"\x00 not JSON")
        listed = (await client.get("/api/cameras")).json()["cameras"]
        assert [camera["id"] for camera in listed] == ["cam1"]
        assert (await site.camera(client, "cam2"))["id"] == "cam2", "it can be entered again"


async def test_operators_are_told_what_the_services_say(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        client = await site.signed_in(Role.ADMINISTRATOR)

        async def seen() -> tuple[str, str | None]:
            camera = (await client.get("/api/cameras")).json()["cameras"][0]
            return camera["state"], camera["reason"]

        async def tell(message: CameraStatus | bytes) -> None:
            payload = message if isinstance(message, bytes) else message.to_wire()
            await site.tell(subjects.status(ISLINGTON, CAM), payload)

        await site.camera(client)
        assert await seen() == ("connecting", None)
        await tell(status(CameraState.LIVE))
        assert await seen() == ("withheld", "no-mask-set")
        await client.put("/api/cameras/cam1/mask-set", json={"polygons": [], "aspect": 1.78, "is_mask_free": True})
        assert await seen() == ("live", None)
        await tell(status(CameraState.DOWN, DownReason.BAD_CREDENTIALS))
        assert await seen() == ("down", "bad-credentials")
        await tell(b"garbage")
        await tell(status(CameraState.LIVE).model_copy(update={"camera": "cam9"}))
        assert await seen() == ("down", "bad-credentials"), "what cannot be read changes nothing"
        clock.advance(7)
        assert await seen() == ("down", "not-heard")


async def test_a_still_is_shown_under_its_masks_and_each_look_is_recorded(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        client = await site.signed_in()
        await site.camera(client)
        await client.put("/api/cameras/cam1/mask-set", json={"polygons": [SQUARE], "aspect": 1.78})
        path = "/api/cameras/cam1/still"
        assert (await client.get(path)).status_code == 404
        headers = {"Us-Captured": "1777636800123456", "Us-Mask": "1"}
        await site.tell(subjects.still(ISLINGTON, CAM), JPEG, headers)
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.content == JPEG
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["us-captured"] == "2026-05-01T12:00:00.123Z"
        assert answer.headers["us-mask"] == "1"
        assert answer.headers["cache-control"] == "no-store"
        assert (await client.get(path)).status_code == 200
        assert (await site.event(AuditKind.STILL)).camera == CAM
        assert len(site.of_kind(AuditKind.STILL)) == 1, "at most once a minute"
        clock.advance(61)
        assert (await client.get(path)).status_code == 200
        await site.event(AuditKind.STILL, 2)
        await client.delete("/api/cameras/cam1/mask-set")
        assert (await client.get(path)).status_code == 404, "revoked masks take the still with them, at once"
        await site.tell(subjects.still(ISLINGTON, CAM), JPEG, headers | {"Us-Mask": "0", "Us-Slate": "revoked"})
        assert (await client.get(path)).status_code == 200, "a slate may be shown"


async def test_stills_of_before_the_start_are_read_from_the_store(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        await site.put(Bucket.MASKS, mask_pointer_key(CAM), MaskPointer(camera=CAM, revision=2))
        headers = {"Us-Captured": "1777636800123456", "Us-Mask": "2"}
        await site.put_unseen(Bucket.STILLS, "cam1", JPEG, headers)
        assert (await client.get("/api/cameras/cam1/still")).status_code == 404
        async with site.replica() as origin:
            answer = await client.get(f"{origin}/api/cameras/cam1/still")
            assert (answer.status_code, answer.content) == (200, JPEG)


BODIES: list[object] = [
    {},
    {"name": "One"},
    {"name": "", "address": "rtsp://192.0.2.1/"},
    {"name": "x" * 101, "address": "rtsp://192.0.2.1/"},
    {"name": "One", "address": "http://192.0.2.1/"},
    {"name": "One", "address": "rtsp://admin:hun/ter2@192.0.2.1/"},
    {"name": "One", "address": "rtsp://192.0.2.1/\u0000"},
    {"name": "One", "address": 7},
    {"name": "One", "address": "rtsp://192.0.2.1/", "transport": "pigeon"},
    {"name": "One", "address": "rtsp://192.0.2.1/", "groups": ["not a slug"]},
    {"name": "One", "address": "rtsp://192.0.2.1/", "latitude": 91},
    {"name": "One", "address": "rtsp://192.0.2.1/", "latitude": float("nan")},
    {"name": "One", "address": "rtsp://192.0.2.1/", "colour": "red"},
    ["One"],
    None,
]


async def test_a_camera_that_cannot_be_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        for body in BODIES:
            headers = {"Content-Type": "application/json"}
            answer = await client.put("/api/cameras/cam1", content=json.dumps(body), headers=headers)
            assert answer.status_code == 422, body
            error = answer.json()["error"]
            assert error["kind"] == "invalid"
            assert 10 < len(error["detail"]) < 300
            assert "hun" not in answer.text
        assert await site.all(Bucket.CAMERAS) == []


async def test_an_id_that_could_not_stand_in_a_subject_is_refused(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        for key in ("CAM", "a.b", "cam*", "-a", "x" * 64, "caf%C3%A9", "a%20b"):
            body = {"name": "One", "address": "rtsp://192.0.2.1/"}
            assert (await client.put(f"/api/cameras/{key}", json=body)).status_code == 422, key
            assert (await client.get(f"/api/cameras/{key}")).status_code == 404, key
