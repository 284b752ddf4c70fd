"""The private attributes that the peer adapter relies on are there in the installed aiortc and aioice."""

import inspect
from typing import Any

import pytest
from aioice import Candidate
from aioice.ice import CandidatePair, StunProtocol
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtcdtlstransport import RtpRouter

from services.relay.peer import INSIDES


async def instances() -> tuple[RTCPeerConnection, dict[str, Any]]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = connection.addTransceiver("video", direction="sendonly")
    dtls = transceiver.sender.transport
    ice: Any = dtls.transport._connection
    protocol = StunProtocol(ice)
    candidate = Candidate.from_sdp("1 1 udp 1 192.0.2.1 9 typ host")
    return connection, {
        "RTCRtpSender": transceiver.sender,
        "RTCRtpTransceiver": transceiver,
        "RTCDtlsTransport": dtls,
        "RTCIceTransport": dtls.transport,
        "aioice.Connection": ice,
        "aioice.CandidatePair": CandidatePair(protocol, candidate),
    }


@pytest.mark.parametrize("name", INSIDES)
async def test_attributes_are_there(name: str) -> None:
    connection, found = await instances()
    names = set(dir(found[name])) | set(vars(type(found[name])))
    assert set(INSIDES[name]) <= names, f"{name} of this version lacks what services/relay/peer.py uses"
    await connection.close()


async def test_functions_that_are_replaced_are_called_as_before() -> None:
    connection, found = await instances()
    sender: Any = found["RTCRtpSender"]
    assert list(inspect.signature(sender._run_rtp).parameters) == ["codec"]
    assert list(inspect.signature(sender._retransmit).parameters) == ["sequence_number"]
    assert list(inspect.signature(sender._send_keyframe).parameters) == []
    assert inspect.iscoroutinefunction(sender._run_rtp)
    assert inspect.iscoroutinefunction(sender._retransmit)
    gather = inspect.signature(found["aioice.Connection"].get_component_candidates)
    assert list(gather.parameters) == ["component", "addresses", "timeout"]
    assert list(inspect.signature(RtpRouter.register_sender).parameters) == ["self", "sender", "ssrc"]
    await connection.close()


async def test_functions_are_looked_up_on_the_instance() -> None:
    """What a subclass of RTCRtpSender would do, if aiortc let one be used."""
    connection, found = await instances()
    source = inspect.getsource(type(found["RTCRtpSender"]))
    for call in ("self._run_rtp(", "self._retransmit(", "self._send_keyframe("):
        assert call in source
    await connection.close()
