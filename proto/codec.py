"""Access units on the wire: plain Annex B as the payload, everything else in NATS headers.

Plain payload, so that `nats sub --raw masked.<site>.<camera>.main | ffplay -f h264 -` just works.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proto.messages import WithheldReason
from proto.names import Epoch

VERSION = "1"


class MalformedHeaders(ValueError):
    """Headers that are no access unit's: missing, unreadable or out of range."""


@dataclass(frozen=True, slots=True)
class AccessUnitHeaders:
    """Metadata of one access unit.

    `seq` is the number of the frame in the camera's ring, the same for all layers. `prev` is the `seq` of the
    access unit that this one was predicted from; a keyframe needs none. A reader that holds no `prev` cannot
    decode, and waits for a keyframe. `slate` names the reason when the picture is withheld and a slate stands
    in its place; `mask_revision` is then 0 if no mask set was in force.
    """

    epoch: Epoch
    seq: int
    prev: int
    pts_90k: int
    captured_utc_us: int
    is_keyframe: bool
    width: int
    height: int
    mask_revision: int
    slate: WithheldReason | None = None

    def to_wire(self) -> dict[str, str]:
        headers = {
            "Us-Version": VERSION,
            "Us-Epoch": str(self.epoch),
            "Us-Seq": str(self.seq),
            "Us-Prev": str(self.prev),
            "Us-Pts": str(self.pts_90k),
            "Us-Captured": str(self.captured_utc_us),
            "Us-Key": "1" if self.is_keyframe else "0",
            "Us-Size": f"{self.width}x{self.height}",
            "Us-Mask": str(self.mask_revision),
        }
        if self.slate is not None:
            headers["Us-Slate"] = self.slate.value
        return headers

    @classmethod
    def from_wire(cls, headers: Mapping[str, str]) -> "AccessUnitHeaders":
        """Read and check headers. Raises MalformedHeaders; a picture without a mask revision is one."""
        try:
            if headers["Us-Version"] != VERSION:
                raise MalformedHeaders(f"version {headers['Us-Version'][:16]!r} is not {VERSION}")
            width, height = headers["Us-Size"].split("x")
            slate = headers.get("Us-Slate")
            unit = cls(
                epoch=Epoch(int(headers["Us-Epoch"])),
                seq=int(headers["Us-Seq"]),
                prev=int(headers["Us-Prev"]),
                pts_90k=int(headers["Us-Pts"]),
                captured_utc_us=int(headers["Us-Captured"]),
                is_keyframe=headers["Us-Key"] == "1",
                width=int(width),
                height=int(height),
                mask_revision=int(headers["Us-Mask"]),
                slate=None if slate is None else WithheldReason(slate),
            )
        except MalformedHeaders:
            raise
        except (KeyError, ValueError) as exc:
            raise MalformedHeaders(f"not an access unit: {exc}") from exc
        unit._check()
        return unit

    def _check(self) -> None:
        if self.epoch < 1 or self.seq < 0 or self.prev < -1 or self.captured_utc_us < 0:
            raise MalformedHeaders("epoch, sequence or capture time out of range")
        if not (16 <= self.width <= 8192 and 16 <= self.height <= 8192):
            raise MalformedHeaders(f"size {self.width}x{self.height} out of range")
        if self.mask_revision < (1 if self.slate is None else 0):
            raise MalformedHeaders("a picture without a mask revision")
