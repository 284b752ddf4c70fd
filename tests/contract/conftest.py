"""The manifests of deploy/k8s, rendered once."""

import pytest

from tests.support.deployment import K8S
from tests.support.manifests import Site, render


@pytest.fixture(scope="session")
def base() -> Site:
    return Site(render(K8S / "base"))


@pytest.fixture(scope="session")
def site() -> Site:
    """The example of an overlay."""
    return Site(render(K8S / "overlays" / "site-example"))
