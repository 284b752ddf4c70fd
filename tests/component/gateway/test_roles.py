"""Role x right over HTTP: each act is tried by each role, and nothing but the policy's table lets it through."""

from pathlib import Path

import httpx
import pytest

from services.gateway.policy import Right, Role, may
from tests.component.gateway.site import SDP, SQUARE, StandIn, gateway_at_work

MASKS = {"polygons": [SQUARE], "aspect": 1.78}
CAMERA = {"name": "Two", "address": "rtsp://192.0.2.2/"}
SDP_TYPE = {"Content-Type": "application/sdp"}


async def act(client: httpx.AsyncClient, right: Right) -> set[int]:
    """Do what the right is needed for; the statuses that came."""
    match right:
        case Right.SEE_LIVE:
            answers = [await client.post("/whep/cam1?layer=tile", content=SDP, headers=SDP_TYPE)]
        case Right.SEE_STILLS:
            answers = [await client.get("/api/cameras/cam1/still")]
        case Right.APPROVE_MASKS:
            answers = [
                await client.put("/api/cameras/cam1/mask-set", json=MASKS),
                await client.delete("/api/cameras/cam1/mask-set"),
            ]
        case Right.MANAGE_CAMERAS:
            answers = [
                await client.put("/api/cameras/cam2", json=CAMERA),
                await client.delete("/api/cameras/cam2"),
            ]
        case Right.ADMINISTER:
            answers = []
    return {answer.status_code for answer in answers}


GRANTED: dict[Right, set[int]] = {
    Right.SEE_LIVE: {201},
    Right.SEE_STILLS: {404},  # there is none yet
    Right.APPROVE_MASKS: {200, 204},
    Right.MANAGE_CAMERAS: {201, 204},
    Right.ADMINISTER: set(),
}


@pytest.mark.parametrize("role", Role)
async def test_a_role_may_do_over_http_what_the_policy_says_and_nothing_else(tmp_path: Path, role: Role) -> None:
    async with gateway_at_work(tmp_path) as site:
        administrator = await site.signed_in()
        await site.camera(administrator)
        relay = await site.relay(StandIn())
        client = administrator if role is Role.ADMINISTRATOR else await site.signed_in(role)
        knows = any(may(role, right) for right in Right)
        listed = (await client.get("/api/cameras")).json()["cameras"]
        assert len(listed) == knows
        assert (await client.get("/api/cameras/cam1")).status_code == (200 if knows else 404)
        for right in Right:
            statuses = await act(client, right)
            if may(role, right):
                assert statuses == GRANTED[right], right
            else:
                assert statuses <= {403, 404}, right
                assert knows is False or right is Right.ADMINISTER or statuses == {403}, right
        assert len(relay.offers) == may(role, Right.SEE_LIVE), "nothing reaches a relay for who may not look"


async def test_nobody_is_let_in_without_signing_in(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.client()
        for method, path in (
            ("GET", "/api/me"),
            ("GET", "/api/cameras"),
            ("GET", "/api/cameras/cam1"),
            ("PUT", "/api/cameras/cam1"),
            ("DELETE", "/api/cameras/cam1"),
            ("GET", "/api/cameras/cam1/still"),
            ("GET", "/api/cameras/cam1/mask-set"),
            ("PUT", "/api/cameras/cam1/mask-set"),
            ("DELETE", "/api/cameras/cam1/mask-set"),
            ("GET", "/api/tokens"),
            ("POST", "/api/tokens"),
            ("DELETE", "/api/tokens/x"),
            ("POST", "/api/sign-out"),
            ("POST", "/whep/cam1"),
            ("DELETE", "/whep/cam1/x"),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.json()["error"]["kind"] == "unauthenticated"
