"""Settings that every service has, read from the environment (`US_…`)."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from proto.names import SiteId, slug


def _slug(value: str) -> str:
    return slug(value)


class ServiceSettings(BaseSettings):
    """Base of each service's settings. A wrong or missing one ends the process with a message that names it."""

    model_config = SettingsConfigDict(env_prefix="US_", frozen=True, extra="ignore")

    site: Annotated[SiteId, AfterValidator(_slug)]
    """The authority's slug, such as `islington`."""

    nats_url: str = "nats://127.0.0.1:4222"
    """One address, or several with commas between them."""

    nats_creds: Path
    """Credentials file of this service's own NATS user."""

    instance: Annotated[str, AfterValidator(_slug)] = "local"
    """This process among its replicas: the pod's name."""

    health_host: str = "127.0.0.1"
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Of `/healthz`, `/readyz` and `/metrics`; 0 takes a free one, which is logged."""

    log_level: str = "INFO"
    drain_limit_s: Annotated[float, Field(gt=0)] = 10.0
    """How long a drain may take before the process cancels what is left."""
