"""Network policies of deploy/k8s: who reaches whom, and that nobody else does."""

from services.gateway.settings import GatewaySettings
from services.relay.settings import RelaySettings
from tests.support.deployment import SETTINGS, settings_of
from tests.support.manifests import Site, networks


def test_policies_let_each_pod_reach_nats_and_nothing_else_of_ours(site: Site) -> None:
    reached = {
        (source.name, target.name, port)
        for source in site.workloads()
        for target in site.workloads()
        for port in target.ports().values()
        if site.may_connect(source, target, port)
    }
    clients = {(name, "nats", 4222) for name in ("bootstrap", "cameras", "relay", "gateway")}
    assert reached == clients | {("nats", "nats", 6222)}


def test_policies_deny_by_default(site: Site) -> None:
    assert site.named("NetworkPolicy", "default-deny")["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    for policy in site.of_kind("NetworkPolicy"):
        assert site.selected(policy["spec"]["podSelector"]), policy["metadata"]["name"]


def test_ingest_reaches_the_networks_of_the_site_s_cameras_alone(base: Site, site: Site) -> None:
    assert [str(network) for network in networks(base.named("NetworkPolicy", "cameras"))] == ["192.0.2.0/24"]
    policy = site.named("NetworkPolicy", "cameras")
    assert [str(network) for network in networks(policy)] == ["10.20.0.0/16", "10.21.8.0/22"]
    assert [rule["ports"] for rule in policy["spec"]["egress"]] == [[{"port": 554, "protocol": "TCP"}]]


def test_viewers_meet_the_relay_s_own_range_of_ports(site: Site) -> None:
    sysctls = {entry["name"]: entry["value"] for entry in site.workload("relay").pod["securityContext"]["sysctls"]}
    first, last = map(int, sysctls["net.ipv4.ip_local_port_range"].split())
    rules = site.named("NetworkPolicy", "relay")["spec"]["ingress"]
    assert rules == [{"ports": [{"port": first, "endPort": last, "protocol": "UDP"}]}]
    viewers = RelaySettings.model_fields["relay_viewers"].default
    assert last - first + 1 >= 2 * viewers, "a port a viewer for each of two addresses"


def test_gateway_is_entered_at_its_http_port(site: Site) -> None:
    gateway = site.workload("gateway")
    settings = settings_of(site, gateway.container("gateway"))
    assert isinstance(settings, GatewaySettings)
    assert (settings.http_host, settings.http_port) == ("0.0.0.0", gateway.ports()["http"])
    assert settings.cookie_secure
    entered = site.named("NetworkPolicy", "gateway")["spec"]["ingress"]
    assert [rule["ports"] for rule in entered] == [[{"port": settings.http_port, "protocol": "TCP"}]]


def test_monitoring_reaches_every_health_port_and_no_other(site: Site) -> None:
    policy = site.named("NetworkPolicy", "monitoring")["spec"]
    selected = site.selected(policy["podSelector"])
    health = {port for workload in selected for name, port in workload.ports().items() if name.startswith("health")}
    assert {container["name"] for workload in selected for container in workload.containers} == set(SETTINGS)
    assert {entry["port"] for rule in policy["ingress"] for entry in rule["ports"]} == health
