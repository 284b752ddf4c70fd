"""The images that deploy/Containerfile builds, as far as can be said without building them."""

import re
import tomllib
from importlib.metadata import requires

from packaging.requirements import Requirement

from tests.support.deployment import CONTAINERFILE, ROOT, SETTINGS
from tests.support.manifests import Site


def test_example_takes_no_image_from_an_unnamed_place(site: Site) -> None:
    assert {container["image"].partition("/")[0] for _, container in site.containers()} == {
        "registry.islington.example"
    }


def test_every_image_of_the_manifests_can_be_built(base: Site) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    images = {container["image"].partition(":")[0] for _, container in base.containers()}
    names = {image.removeprefix("upper-street/") for image in images}
    assert names == {*SETTINGS, "bootstrap"}
    assert names <= set(project["optional-dependencies"])
    assert all((ROOT / "services" / name / "__main__.py").exists() for name in names)
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
    files = [file.replace("${SERVICE}", "gateway") for line in copied for file in line.split()]
    assert all((ROOT / file).exists() for file in files)


def test_gateway_s_image_carries_no_decoder() -> None:
    assert {"av", "numpy", "aiortc"} & _needed_by("gateway") == set()
    assert "av" in _needed_by("ingest")


def _needed_by(service: str) -> set[str]:
    """Names of every package that the service's group brings, by what the installed packages say."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    todo = [Requirement(line) for line in project["dependencies"] + project["optional-dependencies"][service]]
    needed: set[str] = set()
    while todo:
        requirement = todo.pop()
        if requirement.name in needed:
            continue
        needed.add(requirement.name)
        for line in requires(requirement.name) or []:
            further = Requirement(line)
            extras = requirement.extras or {""}
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(further)
    return needed
