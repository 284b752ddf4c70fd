"""README of deploy/k8s, whose commands make what the manifests take: keys, certificate, configuration, secrets."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deployment import POD_FIELDS, README, ROOT, commands, created
from tests.support.manifests import Site, size_bytes


@pytest.fixture(scope="module")
def nats_conf(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What README's command prints."""
    folder = str(tmp_path_factory.mktemp("identity"))
    arguments = ["--dir", folder, "--site", "islington"]
    subprocess.run([sys.executable, "-m", "services.bootstrap", "keys", *arguments], cwd=ROOT, check=True, timeout=60)
    command = commands("python -m services.bootstrap config")[0]
    words = [folder if word == "identity" else word for word in command[1 : command.index(">")]]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=True, timeout=60, capture_output=True, text=True)
    return done.stdout


def test_readme_makes_every_secret_and_config_map_that_is_not_in_the_manifests(site: Site) -> None:
    secrets = {secret for workload, container in site.containers() for secret in workload.secrets(container)}
    assert set(created("secret generic")) == secrets
    volumes = [volume for workload in site.workloads() for volume in workload.pod["volumes"]]
    mounted = {volume["configMap"]["name"] for volume in volumes if "configMap" in volume}
    assert set(created("configmap")) == mounted


def test_server_configuration_of_the_readme_fits_the_servers(site: Site, nats_conf: str) -> None:
    nats = site.workload("nats")
    container = nats.container("nats")
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    variable = re.findall(r"^server_name: \$(\w+)$", nats_conf, re.MULTILINE)
    assert set(variable) <= {entry["name"] for entry in container["env"]}
    assert len(variable) == 1
    assert f'listen: "0.0.0.0:{nats.ports()["client"]}"' in nats_conf
    assert f'listen: "0.0.0.0:{nats.ports()["cluster"]}"' in nats_conf
    assert all(folder.startswith(f"{mounts['data']}/") for folder in re.findall(r'(?:store_)?dir: "(.*?)"', nats_conf))
    assert container["command"][-1] == f"{mounts['config']}/{next(iter(created('configmap')['nats-config']))}"
    files = re.findall(r'(?:cert|key|ca)_file: "(.*?)"', nats_conf)
    assert set(files) == {f"{mounts['tls']}/{key}" for key in created("secret generic")["nats-tls"]}
    monitoring = re.findall(r'^http: "(.*?)"$', nats_conf, re.MULTILINE)[0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"][-1].startswith(f"http://{monitoring}/healthz")
    claim = nats.document["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
    assert int(re.findall(r"max_file_store: (\d+)", nats_conf)[0]) < size_bytes(claim)
    assert int(re.findall(r"max_memory_store: (\d+)", nats_conf)[0]) < size_bytes(
        container["resources"]["limits"]["memory"]
    )


def test_servers_go_by_the_same_names_everywhere(site: Site, nats_conf: str) -> None:
    nats = site.workload("nats").document
    service, namespace = nats["spec"]["serviceName"], nats["metadata"]["namespace"]
    names = {f"{nats['metadata']['name']}-{n}.{service}.{namespace}.svc" for n in range(nats["spec"]["replicas"])}
    assert set(re.findall(r"tls://(.*?):6222", nats_conf)) == names
    assert set(re.findall(r"DNS:([\w.-]+)", README)) == names
    for _, container in site.containers():
        if container["name"] != "nats":
            url = site.environment(container, POD_FIELDS)["US_NATS_URL"]
            assert set(url.split(",")) == {f"tls://{name}:4222" for name in names}


def test_clients_trust_the_servers_authority(site: Site) -> None:
    for workload, container in site.containers():
        if container["name"] != "nats":
            path = Path(site.environment(container, POD_FIELDS)["SSL_CERT_FILE"])
            mount = next(mount for mount in container["volumeMounts"] if mount["mountPath"] == str(path.parent))
            assert path.name in created("configmap")[workload.volume(mount["name"])["configMap"]["name"]]


def test_bootstrap_job_runs_a_command_that_there_is(site: Site) -> None:
    container = site.workload("bootstrap").container("bootstrap")
    assert container["command"] == ["python", "-m", "services.bootstrap"]
    environment = site.environment(container, POD_FIELDS)
    arguments = [re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], word) for word in container["args"]]
    assert "--replicas=3" in arguments
    # A folder that cannot be: status 1 and its reason. Wrong arguments would be status 2.
    arguments = ["--dir=/dev/null/identity" if word == "--dir=/identity" else word for word in arguments]
    done = subprocess.run(
        [sys.executable, *container["command"][1:], *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "/dev/null" in done.stderr) == (1, True), done.stderr


def test_bootstrap_job_cannot_change_the_identity_it_is_given(site: Site) -> None:
    job = site.workload("bootstrap")
    mounts = {mount["mountPath"]: mount for mount in job.container("bootstrap")["volumeMounts"]}
    assert "--dir=/identity" in job.container("bootstrap")["args"]
    made = created("secret generic")
    for part in ("keys/signing", "accounts", "creds"):
        mount = mounts[f"/identity/{part}"]
        assert mount["readOnly"] is True
        secret = job.volume(mount["name"])["secret"]["secretName"]
        assert list(made[secret].values()) == [f"identity/{part}"]
    assert "/identity/keys/root" not in mounts
    assert "keys/root" not in str(made)
