"""The relay's settings, as its environment says them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.relay.settings import RelaySettings


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> RelaySettings:
    wanted = {"US_SITE": "islington", "US_NATS_CREDS": "relay.creds", **environment}
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    return RelaySettings()


def test_addresses_are_a_comma_list(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, US_RELAY_ADDRESSES="192.0.2.7, fd00::2,", US_RELAY_LOOPBACK="true")
    assert read.relay_addresses == ("192.0.2.7", "fd00::2")
    assert read.relay_loopback
    assert read.nats_creds == Path("relay.creds")


def test_without_addresses_all_interfaces_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).relay_addresses == ()


def test_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError):
        settings(monkeypatch, US_RELAY_ADDRESSES="relay.example")
