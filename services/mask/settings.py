"""Settings of the mask service (`US_…`)."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from proto.names import PodId, slug
from services.runtime.settings import ServiceSettings


def _slug(value: str) -> str:
    return slug(value) if value else value


class MaskSettings(ServiceSettings):
    """What can be set. `pod` and `ring_dir` must be those of the ingest beside it."""

    pod: Annotated[PodId, AfterValidator(_slug)] = PodId("")
    """Empty takes `instance`."""

    ring_dir: Path | None = None
    """None takes /dev/shm/upper-street/<site>-<pod>."""

    mask_margin_px: Annotated[float, Field(ge=0, le=200)] = 8.0
    """By which polygons are grown, at a height of 1080; scaled with the picture's height."""

    main_bit_rate: Annotated[int, Field(ge=100_000, le=20_000_000)] = 3_000_000
    """Bits a second at 1920x1080; smaller pictures take less, by area."""

    tile_bit_rate: Annotated[int, Field(ge=50_000, le=5_000_000)] = 500_000
    """Bits a second at 640x360."""

    preset: Literal["ultrafast", "superfast", "veryfast"] = "ultrafast"
    """libx264's, of both layers. One thread of 2 GHz takes 9, 12 and 21 ms for a 1080p picture."""

    def pod_id(self) -> PodId:
        return self.pod or PodId(self.instance)

    def ring_folder(self) -> Path:
        return self.ring_dir or Path("/dev/shm/upper-street") / f"{self.site}-{self.pod_id()}"  # noqa: S108  # memory
