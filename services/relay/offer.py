"""SDP offers: what one must have (RFC 8866, 8829, 9725) before the WebRTC library gets it, and what it loses."""

import re
from dataclasses import dataclass, field
from typing import Final

from services.relay.errors import InvalidOffer

MAX_LINES: Final = 2_000
MAX_LINE: Final = 2_000
MAX_SECTIONS: Final = 4
MAX_CANDIDATES: Final = 32
"""Each one is an address that the relay sends connectivity checks to: further ones are dropped."""

_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_MID = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,16}")
_FINGERPRINT = re.compile(
    r"sha-(?:256 (?:[0-9A-F]{2}:){31}|384 (?:[0-9A-F]{2}:){47}|512 (?:[0-9A-F]{2}:){63})[0-9A-F]{2}", re.I
)
_H264 = re.compile(r"\d{1,3} H264/90000", re.I)
_DIRECTIONS: Final = ("sendonly", "recvonly", "sendrecv", "inactive")
_RECEIVING: Final = ("recvonly", "sendrecv")


@dataclass(slots=True)
class _Section:
    """The session's own lines, or one media section's."""

    kind: str = ""
    port: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def values(self, name: str, session: "_Section") -> list[str]:
        """An attribute that may stand in the section, or in the session for all sections."""
        return self.attributes.get(name) or session.attributes.get(name, [])

    @property
    def direction(self) -> str:
        return next((d for d in _DIRECTIONS if d in self.attributes), "")


def clean(sdp: str) -> str:
    """The offer as it may be answered. Raises InvalidOffer.

    Candidates with `.local` names are dropped: aioice waits a second for each, and finds the browser as a
    peer-reflexive candidate all the same. The end of candidates is dropped, so that an offer with none left, or
    with none at all, is waited for.
    """
    lines = sdp.splitlines()
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE for line in lines):
        raise InvalidOffer("the offer is too long")
    if not lines or lines[0].strip() != "v=0":
        raise InvalidOffer("the offer is not an SDP session description")
    session, *sections = _sections(lines)
    _check(session, sections)
    return "\r\n".join(_kept(lines)) + "\r\n"


def _sections(lines: list[str]) -> list[_Section]:
    sections = [_Section()]
    for line in lines:
        if not re.match(r"[a-z]=", line):
            raise InvalidOffer("the offer has a line that is not SDP")
        if line.startswith("m="):
            kind, port, *_ = [*line[2:].split(" "), ""]
            sections.append(_Section(kind, port))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            sections[-1].attributes.setdefault(name, []).append(value.strip())
    return sections


def _check(session: _Section, sections: list[_Section]) -> None:
    if not 1 <= len(sections) <= MAX_SECTIONS:
        raise InvalidOffer(f"the offer has {len(sections)} media sections, not 1 to {MAX_SECTIONS}")
    if any(section.kind not in ("audio", "video") for section in sections):
        raise InvalidOffer("the offer has a media section that is neither audio nor video")
    videos = [section for section in sections if section.kind == "video"]
    if len(videos) != 1:
        raise InvalidOffer(f"the offer has {len(videos)} video sections, not one")
    _check_video(videos[0])
    for section in sections:
        _check_transport(session, section)
    mids = [section.attributes["mid"][0] for section in sections]
    if len(set(mids)) != len(mids):
        raise InvalidOffer("the offer has two media sections of one mid")


def _check_video(video: _Section) -> None:
    if video.port == "0" or video.direction not in _RECEIVING:
        raise InvalidOffer("the offer does not ask to receive video")
    if not any(_H264.fullmatch(value) for value in video.attributes.get("rtpmap", [])):
        raise InvalidOffer("the offer has no H.264 video")


def _check_transport(session: _Section, section: _Section) -> None:
    if not section.direction:
        raise InvalidOffer("the offer has a media section without a direction")
    if not _all_match(_MID, section.attributes.get("mid", [])):
        raise InvalidOffer("the offer has a media section without a mid")
    if "rtcp-mux" not in section.attributes:
        raise InvalidOffer("the offer does not multiplex RTP and RTCP")
    if not _all_match(_UFRAG, section.values("ice-ufrag", session)):
        raise InvalidOffer("the offer has no ICE user name fragment")
    if not _all_match(_PASSWORD, section.values("ice-pwd", session)):
        raise InvalidOffer("the offer has no ICE password")
    if not _all_match(_FINGERPRINT, section.values("fingerprint", session)):
        raise InvalidOffer("the offer has no certificate fingerprint")
    if not set(section.values("setup", session)) & {"actpass", "active", "passive"}:
        raise InvalidOffer("the offer has no DTLS role")


def _all_match(pattern: re.Pattern[str], values: list[str]) -> bool:
    return bool(values) and all(pattern.fullmatch(value) for value in values)


def _kept(lines: list[str]) -> list[str]:
    kept: list[str] = []
    candidates = 0
    for line in lines:
        if line.startswith("a=candidate:"):
            candidates += 1
            if candidates > MAX_CANDIDATES or _is_useless(line):
                continue
        elif line.startswith("a=end-of-candidates"):
            continue
        kept.append(line)
    return kept


def _is_useless(candidate: str) -> bool:
    """A candidate that is not UDP, or that only multicast DNS could resolve."""
    parts = candidate.split(" ")
    return len(parts) < 8 or parts[2].lower() != "udp" or parts[4].lower().rstrip(".").endswith(".local")
