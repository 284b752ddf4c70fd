"""The device lets in whoever knows its name and password, and nobody else."""

import base64
import hashlib

import pytest

from deploy.local.camera.auth import REALM, Credentials, Guard, Scheme
from deploy.local.camera.rtsp import Request

URI = "rtsp://h/cam1"


def asking(authorization: str) -> Request:
    return Request("DESCRIBE", URI, "RTSP/1.0", {"authorization": authorization})


def basic(text: str) -> Request:
    return asking("Basic " + base64.b64encode(text.encode()).decode())


def digest(guard: Guard, user: str, password: str, *, nonce: str | None = None) -> Request:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    nonce = guard.nonce if nonce is None else nonce
    answer = md5(f"{md5(f'{user}:{REALM}:{password}')}:{nonce}:{md5(f'DESCRIBE:{URI}')}")
    pairs = {"username": user, "realm": REALM, "nonce": nonce, "uri": URI, "response": answer}
    return asking("Digest " + ", ".join(f'{name}="{value}"' for name, value in pairs.items()))


def test_basic_wants_the_right_pair() -> None:
    guard = Guard(Credentials(Scheme.BASIC, "admin", "se:cret"))
    assert guard.admits(basic("admin:se:cret"))
    assert guard.challenge.startswith("Basic ")


@pytest.mark.parametrize("given", ["admin:wrong", "root:secret", "admin", ""])
def test_basic_refuses_others(given: str) -> None:
    assert not Guard(Credentials(Scheme.BASIC, "admin", "secret")).admits(basic(given))


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic é", "Digest x", "Bearer YWRtaW46c2VjcmV0"])
@pytest.mark.parametrize("scheme", [Scheme.BASIC, Scheme.DIGEST])
def test_header_that_makes_no_sense_is_refused(header: str, scheme: Scheme) -> None:
    assert not Guard(Credentials(scheme, "admin", "secret")).admits(asking(header))


def test_digest_wants_the_right_pair_and_this_connections_nonce() -> None:
    guard = Guard(Credentials(Scheme.DIGEST, "admin", "secret"))
    assert guard.admits(digest(guard, "admin", "secret"))
    assert not guard.admits(digest(guard, "admin", "wrong"))
    assert not guard.admits(digest(guard, "root", "secret"))
    assert not guard.admits(digest(guard, "admin", "secret", nonce="0" * 32))
    assert not guard.admits(basic("admin:secret"))


def test_open_device_asks_nothing() -> None:
    assert Guard(Credentials()).admits(asking(""))


def test_password_is_not_shown() -> None:
    assert "secret" not in repr(Guard(Credentials(Scheme.BASIC, "admin", "secret")))
