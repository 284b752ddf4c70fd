"""Settings of ingest, read from the environment (`US_…`)."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from proto.names import PodId, pod_id
from services.runtime.ring import DEFAULT_SLOTS
from services.runtime.settings import ServiceSettings

SHARED_MEMORY = Path("/dev/shm/upper-street")  # noqa: S108  # memory, and a folder of mode 0700 below it


def _pod_or_none(value: str) -> str:
    return pod_id(value) if value else value


class IngestSettings(ServiceSettings):
    """What an ingest process may be told. A pod is one ingest with its mask service, which share the ring folder."""

    pod: Annotated[str, AfterValidator(_pod_or_none)] = ""
    """Name of the pod; the instance's when empty."""

    ring_dir: Path | None = None
    """Memory-backed folder of the frame rings; below /dev/shm, by site and pod, when not given."""

    ring_slots: Annotated[int, Field(ge=2, le=64)] = DEFAULT_SLOTS
    gop_max_bytes: Annotated[int, Field(ge=65_536)] = 8 * 1024 * 1024
    gop_max_units: Annotated[int, Field(ge=1)] = 1_500
    backoff_first_s: Annotated[float, Field(gt=0)] = 0.5
    backoff_most_s: Annotated[float, Field(gt=0)] = 15.0

    @property
    def pod_id(self) -> PodId:
        return PodId(self.pod or self.instance)

    @property
    def ring_folder(self) -> Path:
        return self.ring_dir or SHARED_MEMORY / f"{self.site}-{self.pod_id}"
