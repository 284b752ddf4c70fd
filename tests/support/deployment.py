"""What deploy/ says outside its manifests, and what the services make of what the manifests tell them."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from services.gateway.settings import GatewaySettings
from services.ingest.settings import IngestSettings
from services.mask.settings import MaskSettings
from services.relay.settings import RelaySettings
from services.runtime.settings import ServiceSettings
from tests.support.manifests import Document, Site, Workload

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy" / "k8s"
README = (K8S / "README.md").read_text()
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text()
SETTINGS: Mapping[str, type[ServiceSettings]] = {
    "ingest": IngestSettings,
    "mask": MaskSettings,
    "relay": RelaySettings,
    "gateway": GatewaySettings,
}
POD_FIELDS = {"metadata.name": "relay-5c7d9f6b84-x2x7k", "status.podIP": "10.42.0.7"}
"""What the downward API might say."""


def commands(start: str) -> list[list[str]]:
    """README's commands that start so, as lists of words."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
    return [shlex.split(line) for line in blocks.splitlines() if line.startswith(start)]


def created(what: str) -> dict[str, dict[str, str]]:
    """What README makes: files by their key, of each `secret generic` or `configmap`."""
    made: dict[str, dict[str, str]] = {}
    start = f"kubectl create {what}"
    for command in commands(start):
        name, *options = command[len(start.split()) :]
        files = [option.removeprefix("--from-file=") for option in options]
        made[name] = {file.partition("=")[0].rpartition("/")[2]: file.rpartition("=")[2] for file in files}
    return made


def service_containers(site: Site) -> list[tuple[Workload, Document]]:
    """Those that run one of the four services."""
    return [(workload, container) for workload, container in site.containers() if container["name"] in SETTINGS]


def settings_of(site: Site, container: Document) -> ServiceSettings:
    """The service's settings, read from the environment that the manifests give it."""
    with mock.patch.dict(os.environ, site.environment(container, POD_FIELDS), clear=True):
        return SETTINGS[container["name"]]()
