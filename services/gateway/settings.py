"""Settings of the gateway."""

from typing import Annotated

from pydantic import Field, field_validator

from services.runtime.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Read from the environment (`US_…`), beside those that every service has."""

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 takes a free one, which is logged."""

    http_proxies: str = ""
    """Addresses, with commas, of the reverse proxies whose `X-Forwarded-For` and `-Proto` are believed."""

    public_origin: str = ""
    """Where browsers find us, such as `https://cctv.example.gov.uk`; empty: whatever the Host header says."""

    cookie_secure: bool = True
    """Off only where the client comes over plain HTTP, as on a laptop."""

    session_length_s: Annotated[float, Field(gt=0)] = 12 * 3600.0
    session_idle_s: Annotated[float, Field(gt=0)] = 3600.0
    token_length_max_s: Annotated[float, Field(gt=0)] = 90 * 86400.0

    json_limit_bytes: Annotated[int, Field(gt=0)] = 64_000
    mask_set_limit_bytes: Annotated[int, Field(gt=0)] = 900_000
    """As many polygons and points as the contract allows, written with every digit."""

    sdp_limit_bytes: Annotated[int, Field(gt=0, le=64_000)] = 64_000
    body_limit_s: Annotated[float, Field(gt=0)] = 10.0

    @field_validator("public_origin")
    @classmethod
    def _origin(cls, value: str) -> str:
        scheme, _, rest = value.partition("://")
        if value and (scheme not in ("http", "https") or not rest or "/" in rest):
            raise ValueError("an origin is http:// or https:// and a host, without a path")
        return value.lower()
