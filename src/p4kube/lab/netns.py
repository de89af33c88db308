"""Network namespaces: make them, run `ip` batches in them, open sockets in them, find who lives in them."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from p4kube.lab.errors import LabError

RUN_NETNS = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def path_of(namespace: str) -> Path:
    """The file under /run/netns that keeps a namespace alive."""
    return RUN_NETNS / namespace


def exists(namespace: str) -> bool:
    return path_of(namespace).exists()


def names(prefix: str) -> list[str]:
    """Names of the machine's namespaces that start with `prefix`, sorted."""
    if not RUN_NETNS.is_dir():
        return []
    return sorted(entry.name for entry in RUN_NETNS.iterdir() if entry.name.startswith(prefix))


def nsenter(namespace: str) -> list[str]:
    """Argument prefix that runs a program in a namespace.

    Not `ip netns exec`: that mounts a fresh /sys and so hides the BPF file system.
    """
    return ["nsenter", f"--net={path_of(namespace)}", "--"]


def call(argv: Sequence[str], *, stdin: str | None = None) -> str:
    """Run a short command and return its output.

    Raises `LabError` with the command and what it wrote when it fails.
    """
    if shutil.which(argv[0]) is None:
        raise LabError(f"the lab needs the program '{argv[0]}', which is not in PATH: install it")
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        detail = (done.stderr or done.stdout).strip()
        given = f"\ninput:\n{stdin}" if stdin else ""
        raise LabError(f"`{' '.join(argv)}` failed with exit code {done.returncode}: {detail}{given}")
    return done.stdout


def ip_batch(namespace: str, lines: Iterable[str]) -> None:
    """Run many `ip` commands inside a namespace with one process."""
    call(["ip", "-n", namespace, "-batch", "-"], stdin="\n".join(lines) + "\n")


def create(namespace: str) -> None:
    """Create a namespace with its loopback up. Raises `LabError` if the name is taken."""
    call(["ip", "netns", "add", namespace])
    call(["ip", "-n", namespace, "link", "set", "lo", "up"])


def destroy(namespace: str) -> None:
    """Remove a namespace's name; it dies with its last process. Missing is fine."""
    if exists(namespace):
        subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
    # A crash between mount and umount can leave a plain file, which `ip netns del` refuses to touch.
    if exists(namespace):
        subprocess.run(["umount", "-l", str(path_of(namespace))], capture_output=True, check=False)
        path_of(namespace).unlink(missing_ok=True)


def sysctl(namespace: str, settings: dict[str, str]) -> None:
    """Write sysctls (dotted names, relative to /proc/sys) inside a namespace.

    Names that this kernel does not have raise `LabError`.
    """
    with entered(namespace):
        for name, value in settings.items():
            try:
                Path("/proc/sys", *name.split(".")).write_text(value)
            except OSError as error:
                raise LabError(f"cannot set {name}={value} in namespace {namespace}: {error}") from error


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """Move the calling thread into a namespace for the time of a `with` block.

    What is created inside (sockets, child processes) belongs to the namespace for good.
    Do not await inside: the event loop would run other work there.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = _open(namespace)
        try:
            _setns(target)
        finally:
            os.close(target)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def enter_for_good(namespace: str) -> None:
    """Move the calling process (its only thread) into a namespace and stay there."""
    target = _open(namespace)
    try:
        _setns(target)
    finally:
        os.close(target)


def open_socket(namespace: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket that lives in `namespace` wherever it is used afterwards."""
    with entered(namespace):
        return socket.socket(family, kind, protocol)


def _open(namespace: str) -> int:
    try:
        return os.open(path_of(namespace), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise LabError(f"there is no network namespace {namespace}: is the lab up?") from error


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise LabError(f"cannot enter a network namespace: {os.strerror(code)} (the lab needs root)")


def inhabitants(namespaces: Iterable[str]) -> dict[int, str]:
    """Processes that live in any of the namespaces: pid -> namespace. Zombies have left already."""
    inodes: dict[tuple[int, int], str] = {}
    for namespace in namespaces:
        try:
            found = path_of(namespace).stat()
        except OSError:
            continue
        inodes[found.st_dev, found.st_ino] = namespace
    living: dict[int, str] = {}
    for entry in Path("/proc").iterdir() if inodes else ():
        if not entry.name.isdigit():
            continue
        try:
            found = (entry / "ns" / "net").stat()
        except OSError:
            continue
        if (found.st_dev, found.st_ino) in inodes:
            living[int(entry.name)] = inodes[found.st_dev, found.st_ino]
    return living
