"""NATS away: nobody is signed out, what needs it is refused for now, and all of it comes back by itself."""

from pathlib import Path

from proto.subjects import AuditKind
from tests.component.gateway.site import PASSWORD, SDP, SQUARE, StandIn, gateway_at_work
from tests.support.waiting import until

TYPE = {"Content-Type": "application/sdp"}


async def test_an_outage_signs_nobody_out_and_heals(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        await client.put("/api/cameras/cam1/mask-set", json={"polygons": [SQUARE], "aspect": 1.78})
        relay = await site.relay(StandIn())
        assert (await client.post("/whep/cam1", content=SDP, headers=TYPE)).status_code == 201
        await site.nats.stop()
        await until(lambda: not site.process.bus.is_connected, what="the bus is gone")
        assert (await client.get("/api/me")).status_code == 200
        listed = (await client.get("/api/cameras")).json()["cameras"]
        assert [camera["mask"]["state"] for camera in listed] == ["approved"]
        for answer in (
            await client.post("/whep/cam1", content=SDP, headers=TYPE),
            await client.put("/api/cameras/cam2", json={"name": "Two", "address": "rtsp://192.0.2.2/"}),
            await client.get("/api/cameras/cam1/mask-set"),
            await client.delete("/api/cameras/cam1/mask-set"),
            await client.post("/api/tokens", json={"name": "x", "expires_in_s": 60}),
            await client.post("/api/sign-out"),
            await (await site.client()).post(
                "/api/sign-in", json={"name": "administrator person", "password": PASSWORD}
            ),
        ):
            assert answer.status_code == 503, answer.request.url
            assert answer.json()["error"]["kind"] == "unavailable"
            assert int(answer.headers["retry-after"]) >= 1
        assert "bus" in site.process.readiness.explain()
        assert len(relay.offers) == 1
        await site.nats.start()
        await until(lambda: site.process.readiness.is_ready, what="the gateway is ready again")
        await until(lambda: len(relay.offers) == 1 and site.observer.is_connected, what="all are back")
        assert (await client.get("/api/me")).status_code == 200
        again = await site.until_answered(lambda: client.post("/whep/cam1", content=SDP, headers=TYPE))
        assert again.status_code == 201
        await site.event(AuditKind.LOOK_START, 2)


async def test_what_was_revoked_during_an_outage_is_known_after_it(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        await client.put("/api/cameras/cam1/mask-set", json={"polygons": [SQUARE], "aspect": 1.78})
        await site.nats.restart()
        revoked = await site.until_answered(lambda: client.delete("/api/cameras/cam1/mask-set"))
        assert revoked.status_code == 204
        assert (await client.get("/api/cameras/cam1")).json()["mask"]["state"] == "revoked"
