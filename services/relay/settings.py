"""Settings of the relay."""

import ipaddress
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from services.runtime.settings import ServiceSettings


def _addresses(value: object) -> object:
    """A comma list of IP addresses."""
    if not isinstance(value, str):
        return value
    return tuple(str(ipaddress.ip_address(part.strip())) for part in value.split(",") if part.strip())


class RelaySettings(ServiceSettings):
    """`US_RELAY_…` beside what every service has."""

    relay_addresses: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_addresses)] = ()
    """Addresses that viewers reach this relay at, with commas between them. Empty: all of the host's interfaces."""

    relay_loopback: bool = False
    """Offer 127.0.0.1 too, for viewers on this machine."""

    relay_viewers: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Further viewers are refused."""
