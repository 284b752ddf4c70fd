"""Settings that cannot be meant are refused."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.gateway.settings import GatewaySettings


def settings(**given: Any) -> GatewaySettings:
    return GatewaySettings(site="islington", nats_creds=Path("x"), **given)


@pytest.mark.parametrize("origin", ["cctv.example", "ftp://x", "https://", "https://x/y"])
def test_a_public_origin_that_is_none_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError):
        settings(public_origin=origin)


def test_a_public_origin_is_compared_in_lower_case() -> None:
    assert settings(public_origin="https://CCTV.example:8443").public_origin == "https://cctv.example:8443"


def test_cookies_are_secure_unless_told_otherwise() -> None:
    assert settings().cookie_secure
