"""Mask sets over HTTP: approved as immutable revisions, refused with a reason, revoked at once."""

import asyncio
import json
from pathlib import Path
from typing import Any

from proto import subjects
from proto.limits import MAX_POINTS, MAX_POLYGONS
from proto.messages import MaskPointer, MaskSet, WithheldReason, Withhold, mask_pointer_key
from proto.names import camera_id, site_id
from proto.subjects import AuditKind, Bucket
from services.gateway.policy import Role
from services.runtime.bus import Message
from tests.component.gateway.site import SQUARE, gateway_at_work

CAM = camera_id("cam1")
PATH = "/api/cameras/cam1/mask-set"
MASKS = {"polygons": [SQUARE, [[0.5, 0.5], [1.0, 0.5], [1.0, 1.0]]], "aspect": 1.7778}


async def test_an_approved_set_is_in_force_as_a_revision_that_never_changes(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        administrator, client = await site.signed_in(), await site.signed_in(Role.SUPERVISOR, name="Sue")
        await site.camera(administrator)
        assert (await client.get(PATH)).status_code == 404
        answer = await client.put(PATH, json=MASKS)
        assert answer.status_code == 200
        stored = await site.stored(Bucket.MASKS, "cam1.r1")
        assert stored is not None
        assert MaskSet.model_validate_json(json.dumps(stored)).approved_by == "Sue"
        assert await site.stored(Bucket.MASKS, "cam1.current") == MaskPointer(camera=CAM, revision=1).model_dump()
        assert (await client.get(PATH)).json() == answer.json()
        again = await client.put(PATH, json=MASKS | {"polygons": [SQUARE]})
        assert again.json()["revision"] == 2
        assert await site.stored(Bucket.MASKS, "cam1.r1") == stored
        view = (await client.get("/api/cameras/cam1")).json()
        assert view["mask"] == {"state": "approved", "revision": 2}
        event = await site.event(AuditKind.MASK_APPROVED)
        assert (event.camera, event.detail) == (CAM, "2 masks, revision 1")


async def test_that_a_camera_needs_no_masks_is_an_approval_too(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        none = {"polygons": [], "aspect": 1.5}
        assert (await client.put(PATH, json=none)).status_code == 422, "not by leaving them out"
        assert (await client.put(PATH, json=MASKS | {"is_mask_free": True})).status_code == 422
        assert (await client.put(PATH, json=none | {"is_mask_free": True})).status_code == 200
        view = (await client.get("/api/cameras/cam1")).json()
        assert view["mask"] == {"state": "mask-free", "revision": 1}


async def test_a_revocation_withholds_at_once_and_is_stored(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        heard: list[Message] = []
        await site.observer.subscribe(subjects.withhold_of_site(site_id("islington")), heard.append)
        assert (await client.delete(PATH)).status_code == 404, "there is none to revoke"
        await client.put(PATH, json=MASKS)
        assert (await client.delete(PATH)).status_code == 204
        pointer = await site.stored(Bucket.MASKS, "cam1.current")
        assert pointer is not None
        assert (pointer["revision"], pointer["is_revoked"]) == (1, True)
        assert Withhold.from_wire(heard[0].payload) == Withhold(reason=WithheldReason.REVOKED, mask_revision=1)
        assert heard[0].subject == "withhold.islington.cam1"
        assert (await client.get(PATH)).status_code == 404
        view = (await client.get("/api/cameras/cam1")).json()
        assert view["mask"] == {"state": "revoked", "revision": 1}
        assert (await client.put(PATH, json=MASKS)).json()["revision"] == 2, "a new approval is a new revision"
        await site.event(AuditKind.MASK_REVOKED)


async def test_approvals_at_once_leave_one_in_force_and_the_pointer_on_a_set_that_is_there(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        answers = await asyncio.gather(*(client.put(PATH, json=MASKS) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200, 409}
        in_force = await client.get(PATH)
        assert in_force.json()["revision"] == max(a.json()["revision"] for a in answers if a.is_success)


async def test_a_revision_that_was_stored_and_never_put_in_force_is_stepped_over(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        orphan = (await client.put(PATH, json=MASKS)).json() | {"revision": 2}
        for revision in (2, 3):
            await site.put(Bucket.MASKS, f"cam1.r{revision}", json.dumps(orphan).encode())
        answer = await client.put(PATH, json=MASKS)
        assert (answer.status_code, answer.json()["revision"]) == (200, 4)
        assert await site.stored(Bucket.MASKS, "cam1.r2") == orphan


async def test_a_pointer_that_cannot_be_read_can_be_revoked_and_replaced(tmp_path: Path) -> None:
    broken = b'{"revision": 0}'
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        await client.put(PATH, json=MASKS)
        await site.put(Bucket.MASKS, mask_pointer_key(CAM), broken)
        view = (await client.get("/api/cameras/cam1")).json()
        assert view["mask"] == {"state": "unreadable", "revision": None}, "in force for nobody"
        assert (await client.get(PATH)).status_code == 404
        assert (await client.delete(PATH)).status_code == 204
        await site.put(Bucket.MASKS, mask_pointer_key(CAM), broken)
        assert (await client.put(PATH, json=MASKS)).json()["revision"] == 2


BAD: list[tuple[Any, str]] = [
    ([[[0.1, 0.1], [0.2, 0.2]]], "3 points"),
    ([[]], "3 points"),
    ([[[0.1, 0.1], [float("nan"), 0.2], [0.3, 0.1]]], "not finite"),
    ([[[0.1, 0.1], [float("inf"), 0.2], [0.3, 0.1]]], "not finite"),
    ([[[0.1, 0.1], [-0.01, 0.2], [0.3, 0.1]]], "outside the picture"),
    ([[[0.1, 0.1], [0.2, 1.01], [0.3, 0.1]]], "outside the picture"),
    ([[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]], "area"),
    ([[[0.1, 0.1], [0.4, 0.4], [0.4, 0.1], [0.1, 0.4]]], "cross"),
    ([SQUARE, [[0.1, 0.1], [0.2, 0.2]]], "Mask 2"),
    ([[[x / 1000, (x % 2) / 2] for x in range(MAX_POINTS + 1)]], "at most"),
    ([SQUARE] * (MAX_POLYGONS + 1), "at most"),
    ([[[0.1, 0.1, 0.1], [0.2, 0.2, 0.2], [0.3, 0.1, 0.1]]], "polygons"),
    ([[["a", "b"], ["c", "d"], ["e", "f"]]], "polygons"),
    ([[["0.1", "0.1"], ["0.2", "0.2"], ["0.3", "0.1"]]], "polygons"),
    ({"a": 1}, "polygons"),
    (None, "polygons"),
]
BAD_ASPECTS = (0, -1, 11, float("nan"), float("inf"), "1.78", None)


async def test_polygons_that_cannot_be_masks_are_refused_with_the_reason(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        bodies = [({"polygons": polygons, "aspect": 1.78}, says) for polygons, says in BAD]
        bodies += [({"polygons": [SQUARE], "aspect": aspect}, "aspect") for aspect in BAD_ASPECTS]
        for body, says in bodies:
            answer = await client.put(PATH, content=json.dumps(body), headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, body
            error = answer.json()["error"]
            assert error["kind"] == "invalid"
            assert says in error["detail"], body
        assert await site.all(Bucket.MASKS) == []
        assert site.of_kind(AuditKind.MASK_APPROVED) == []


async def test_masks_of_an_unknown_camera_are_not_taken(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        for method in ("GET", "PUT", "DELETE"):
            answer = await client.request(method, "/api/cameras/nowhere/mask-set", json=MASKS)
            assert answer.status_code == 404
