"""Fills a local run through the gateway's own API: its cameras, and masks over the windows of their dwellings."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

Polygon = Sequence[tuple[float, float]]

READY_LIMIT_S = 60.0


class ProvisioningFailed(Exception):
    """Raised when the gateway does not come up or refuses; says what it answered."""


@dataclass(frozen=True, slots=True)
class WantedCamera:
    """A camera to register. `masks` None leaves its mask set as it is: withheld, until somebody approves one."""

    camera: str
    name: str
    address: str
    masks: Sequence[Polygon] | None = None
    aspect: float = 16 / 9


class Gateway:
    """A signed-in client of the gateway. Use as an async context manager."""

    def __init__(self, origin: str) -> None:
        self.client = httpx.AsyncClient(base_url=origin, headers={"Origin": origin}, timeout=10, trust_env=False)

    async def __aenter__(self) -> "Gateway":
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.client.aclose()

    async def sign_in(self, name: str, password: str) -> None:
        """Wait until the gateway answers, and sign in."""
        try:
            async with asyncio.timeout(READY_LIMIT_S):
                _check(await self._sign_in(name, password))
        except TimeoutError:
            raise ProvisioningFailed(f"the gateway did not answer within {READY_LIMIT_S:.0f} s: see its log") from None

    async def _sign_in(self, name: str, password: str) -> httpx.Response:
        while True:
            try:
                answer = await self.client.post("/api/sign-in", json={"name": name, "password": password})
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            await asyncio.sleep(0.2)

    async def register(self, wanted: WantedCamera) -> None:
        """Put the camera and, where its mask set differs, a new revision of it."""
        body = {"name": wanted.name, "address": wanted.address, "transport": "tcp"}
        _check(await self.client.put(f"/api/cameras/{wanted.camera}", json=body))
        if wanted.masks is not None:
            await self._approve(wanted, [[list(point) for point in polygon] for polygon in wanted.masks])

    async def _approve(self, wanted: WantedCamera, polygons: list[list[list[float]]]) -> None:
        path = f"/api/cameras/{wanted.camera}/mask-set"
        held = await self.client.get(path)
        if held.status_code == httpx.codes.OK and held.json()["polygons"] == polygons:
            return
        body = {"polygons": polygons, "aspect": wanted.aspect, "is_mask_free": not polygons}
        _check(await self.client.put(path, json=body))

    async def remove_others(self, kept: Sequence[WantedCamera]) -> None:
        """Remove cameras of an earlier run."""
        listed = await self.client.get("/api/cameras")
        _check(listed)
        for camera in listed.json()["cameras"]:
            if camera["id"] not in {wanted.camera for wanted in kept}:
                _check(await self.client.delete(f"/api/cameras/{camera['id']}"))


def _check(answer: httpx.Response) -> None:
    if answer.is_error:
        path = answer.request.url.path
        raise ProvisioningFailed(f"{answer.request.method} {path}: {answer.status_code} {answer.text[:300]}")
