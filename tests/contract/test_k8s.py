"""The manifests of deploy/k8s: valid, least privilege, and true to what the services can be told."""

import copy
import re

import kubernetes_validate
import pytest

from services.ingest.settings import IngestSettings
from services.mask.settings import MaskSettings
from tests.support.deployment import (
    CONTAINERFILE,
    K8S,
    POD_FIELDS,
    ROOT,
    SETTINGS,
    created,
    service_containers,
    settings_of,
)
from tests.support.manifests import Site, matches, render, size_bytes

KUBERNETES = "1.33"
CLOSING_S = 5
"""What ending takes after the drain: the bus, the threads, the interpreter."""


@pytest.mark.parametrize("folder", ["base", "overlays/site-example"])
def test_every_document_is_valid(folder: str) -> None:
    documents = render(K8S / folder)
    assert len(documents) > 20
    for document in documents:
        # A kind or version that the schemas do not know raises too.
        assert kubernetes_validate.validate(document, KUBERNETES, strict=True) == KUBERNETES


def test_validation_finds_a_misspelt_field(base: Site) -> None:
    wrong = copy.deepcopy(dict(base.named("Deployment", "relay")))
    container = wrong["spec"]["template"]["spec"]["containers"][0]
    container["ressources"] = container.pop("resources")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_every_service_of_the_project_is_deployed(site: Site) -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/__main__.py")}
    assert {container["name"] for _, container in site.containers()} == folders | {"nats"}


def test_namespace_enforces_restricted_pods(site: Site) -> None:
    labels = site.named("Namespace", "upper-street")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {d["metadata"]["namespace"] for d in site.documents if d["kind"] != "Namespace"} == {"upper-street"}


def test_no_pod_reaches_into_its_node_or_runs_as_root(site: Site) -> None:
    user = re.findall(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)[-1]
    for workload in site.workloads():
        pod, security = workload.pod, workload.pod["securityContext"]
        assert not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"))
        assert not any("hostPath" in volume for volume in pod.get("volumes", []))
        assert security["runAsNonRoot"] is True
        assert (str(security["runAsUser"]), str(security["runAsGroup"])) == user != ("0", "0")
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_no_container_can_gain_rights_or_change_its_image(site: Site) -> None:
    for _, container in site.containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_no_pod_carries_a_token_of_the_api_server(site: Site) -> None:
    accounts = {account["metadata"]["name"]: account for account in site.of_kind("ServiceAccount")}
    for workload in site.workloads():
        assert workload.pod["automountServiceAccountToken"] is False
        assert accounts[workload.pod["serviceAccountName"]]["automountServiceAccountToken"] is False
        # Links would put variables of other services beside the settings.
        assert workload.pod["enableServiceLinks"] is False


def test_every_container_is_bounded(site: Site) -> None:
    for _, container in site.containers():
        for part in ("requests", "limits"):
            assert set(container["resources"][part]) == {"cpu", "memory"}, container["name"]
        assert ":" in container["image"]
        assert not container["image"].endswith(":latest")


def test_every_lasting_container_is_probed(site: Site) -> None:
    for workload in site.lasting():
        for container in workload.containers:
            assert {"livenessProbe", "readinessProbe"} <= set(container)
    for workload, container in service_containers(site):
        settings = settings_of(site, container)
        assert settings.health_host == "0.0.0.0"
        for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            get = container[probe]["httpGet"]
            assert get["path"] == path
            assert workload.ports()[get["port"]] == settings.health_port


def test_containers_of_one_pod_listen_on_different_ports(site: Site) -> None:
    for workload in site.workloads():
        ports = [port["containerPort"] for c in workload.containers for port in c.get("ports", [])]
        assert len(ports) == len(set(ports))


def test_settings_are_known_to_the_services_and_enough(site: Site) -> None:
    for _, container in service_containers(site):
        known = {f"US_{name.upper()}" for name in SETTINGS[container["name"]].model_fields}
        given = {name for name in site.environment(container, POD_FIELDS) if name.startswith("US_")}
        assert given <= known
        assert settings_of(site, container).site == "islington"


def test_base_names_no_site(base: Site) -> None:
    for _, container in service_containers(base):
        assert "US_SITE" not in base.environment(container, POD_FIELDS)


def test_containers_run_their_own_service(site: Site) -> None:
    for _, container in service_containers(site):
        assert container["command"] == ["python", "-m", f"services.{container['name']}"]
        assert container["image"].rpartition("/")[2].partition(":")[0] == container["name"]


def test_drain_ends_before_the_pod_is_killed(site: Site) -> None:
    for workload, container in service_containers(site):
        before_s = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        drain_s = settings_of(site, container).drain_limit_s
        assert workload.pod["terminationGracePeriodSeconds"] >= before_s + drain_s + CLOSING_S


def test_ingest_and_mask_share_the_ring_and_nothing_else(site: Site) -> None:
    pod = site.workload("cameras")
    assert [container["name"] for container in pod.containers] == ["ingest", "mask"]
    mounts = [{mount["name"]: mount for mount in container["volumeMounts"]} for container in pod.containers]
    assert set(mounts[0]) & set(mounts[1]) == {"ring", "ca"}
    assert "configMap" in pod.volume("ca"), "what both may read is the public certificate alone"
    assert all(mount["ca"]["readOnly"] for mount in mounts)
    ring = pod.volume("ring")["emptyDir"]
    assert ring["medium"] == "Memory"
    assert size_bytes(ring["sizeLimit"]) < size_bytes(pod.container("ingest")["resources"]["limits"]["memory"])
    folders = {mount["ring"]["mountPath"] for mount in mounts}
    ingest, mask = (settings_of(site, container) for container in pod.containers)
    assert isinstance(ingest, IngestSettings)
    assert isinstance(mask, MaskSettings)
    assert {str(ingest.ring_dir), str(mask.ring_dir)} == folders
    assert len(folders) == 1
    assert ingest.pod == mask.pod == POD_FIELDS["metadata.name"]
    assert not [
        m["name"] for w, c in site.containers() if w.name != "cameras" for m in c["volumeMounts"] if m["name"] == "ring"
    ]


def test_one_pod_has_the_cameras_until_they_are_shared_out(site: Site) -> None:
    cameras = site.workload("cameras")
    assert cameras.kind == "StatefulSet", "a Deployment would start the new pod beside the old one"
    assert cameras.document["spec"]["replicas"] == 1


def test_no_secret_is_read_by_two_containers(site: Site) -> None:
    readers: dict[str, list[str]] = {}
    for workload, container in site.containers():
        for secret in workload.secrets(container):
            readers.setdefault(secret, []).append(container["name"])
    assert {secret: names for secret, names in readers.items() if len(names) > 1} == {}
    assert {readers[f"{name}-nats"][0] for name in SETTINGS} == set(SETTINGS)


def test_each_service_holds_its_own_credentials(site: Site) -> None:
    made = created("secret generic")
    for workload, container in service_containers(site):
        name = container["name"]
        assert workload.secrets(container) == {f"{name}-nats"}
        path = settings_of(site, container).nats_creds
        mount = next(mount for mount in container["volumeMounts"] if mount["mountPath"] == str(path.parent))
        assert workload.volume(mount["name"])["secret"]["secretName"] == f"{name}-nats"
        assert made[f"{name}-nats"] == {path.name: f"identity/creds/{name}.creds"}


def test_secrets_are_closed_to_everybody_else(site: Site) -> None:
    volumes = [volume["secret"] for w in site.workloads() for volume in w.pod["volumes"] if "secret" in volume]
    assert {volume["defaultMode"] for volume in volumes} == {0o440}
    assert all(w.pod["securityContext"]["fsGroup"] == w.pod["securityContext"]["runAsGroup"] for w in site.workloads())


def test_selectors_find_their_pods(site: Site) -> None:
    for workload in site.lasting():
        selector = workload.document["spec"]["selector"]
        assert [found.name for found in site.selected(selector)] == [workload.name]
        for constraint in workload.pod.get("topologySpreadConstraints", []):
            assert matches(constraint["labelSelector"], workload.labels)
    for service in site.of_kind("Service"):
        found = site.selected({"matchLabels": service["spec"]["selector"]})
        assert [workload.name for workload in found] == [service["metadata"]["name"]]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(found[0].ports())
    services = {service["metadata"]["name"] for service in site.of_kind("Service")}
    assert {
        workload.document["spec"]["serviceName"] for workload in site.lasting() if workload.kind == "StatefulSet"
    } <= services


def test_every_lasting_workload_has_a_disruption_budget(site: Site) -> None:
    budgets = site.of_kind("PodDisruptionBudget")
    found = [workload.name for budget in budgets for workload in site.selected(budget["spec"]["selector"])]
    assert sorted(found) == sorted(workload.name for workload in site.lasting())
