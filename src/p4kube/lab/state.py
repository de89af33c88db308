"""What the lab remembers on disk: its configuration, its processes, and where its files lie."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from p4kube.lab.errors import LabError
from p4kube.lab.layout import MAX_NODES

STATE_FOLDER = Path("/run/p4kube-lab")
BPF_FOLDER = Path("/sys/fs/bpf")
_LOCK_SECONDS = 2.0
PIN_FOLDER = BPF_FOLDER / "p4kube" / "lab"


class LabConfig(msgspec.Struct, frozen=True):
    """What `up` builds.

    `link_rate` limits each node's link in both directions (tc's notation, e.g. ``1gbit``).
    `switch` and `controller` say whether P4Kube's own parts run; without them the lab is a plain cluster.
    """

    nodes: int = 2
    link_rate: str | None = None
    switch: bool = True
    controller: bool = True

    def check(self) -> None:
        """Raises `LabError` if the numbers make no lab."""
        if not 1 <= self.nodes <= MAX_NODES:
            raise LabError(f"--nodes {self.nodes}: the address plan has room for 1 to {MAX_NODES} nodes")


class Record(msgspec.Struct, frozen=True):
    """The lab as `up` began it. `ready` becomes true when everything runs."""

    config: LabConfig
    boot_id: str
    ready: bool = False
    mounted_bpf: bool = False
    api_port: int = 0


class Files:
    """Where everything lies in the state folder."""

    def __init__(self, folder: Path = STATE_FOLDER) -> None:
        self.folder = folder
        self.record = folder / "lab.json"
        self.components = folder / "components"
        self.logs = folder / "logs"
        self.certificates = folder / "certificates"
        self.kubeconfigs = folder / "kubeconfigs"
        self.etcd = folder / "etcd"
        self.pods = folder / "pods"
        self.kubeconfig = folder / "kubeconfig"
        self.inner_kubeconfig = folder / "kubeconfig-inside"
        self.switch_config = folder / "switch.yaml"
        self.switch_keys = folder / "switch.keys"
        self.controller_config = folder / "controller.yaml"

    def make(self) -> None:
        for folder in (self.folder, self.components, self.logs, self.kubeconfigs, self.pods):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The kubeconfigs and logs are for the user who runs the lab; pods may write below their own folder.
        self.folder.chmod(0o755)

    def read_record(self) -> Record | None:
        """The lab's record, or None if there is no lab (or only the remains of another boot)."""
        try:
            record = msgspec.json.decode(self.record.read_bytes(), type=Record)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return record if record.boot_id == machine_boot_id() else None

    def write_record(self, record: Record) -> None:
        write_whole(self.record, msgspec.json.encode(record))

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that a reader or a crash never sees half of it."""
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(content)
    draft.replace(path)


def machine_boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@contextmanager
def exclusive(folder: Path = STATE_FOLDER) -> Iterator[None]:
    """Hold the machine's only lab lock; raises `LabError` if another `p4kube lab` command is changing it."""
    path = folder.with_name(folder.name + ".lock")
    # A killed holder's child may keep the lock for the moment between its fork and its exec.
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            if time.monotonic() > deadline:
                raise LabError("another `p4kube lab up` or `down` is at work: wait for it to end") from None
            time.sleep(0.05)
            continue
        # The holder before us removed the file while we opened it: then our lock is on nothing.
        if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
            break
        os.close(descriptor)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
