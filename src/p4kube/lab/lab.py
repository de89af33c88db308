"""The lab as an object: brought up and down, looked at, broken on purpose.

For tests, demos and benchmarks; `p4kube lab` is the same on the command line.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import util
from pathlib import Path
from typing import Any

import msgspec

from p4kube.lab import (
    binaries,
    bootstrap,
    certificates,
    components,
    configs,
    fabric,
    layout,
    netns,
    process,
    teardown,
    where,
)
from p4kube.lab.admin import AdminApi
from p4kube.lab.binaries import Binaries
from p4kube.lab.components import Component
from p4kube.lab.errors import LabError
from p4kube.lab.layout import Layout
from p4kube.lab.state import BPF_FOLDER, PIN_FOLDER, Files, LabConfig, Record, exclusive, machine_boot_id

Report = Callable[[str], None]
_PREFERRED_PORT = 16443
_API_SECONDS, _READY_SECONDS = 60.0, 90.0


def silent(_: str) -> None:
    """A `Report` that says nothing."""


class Lab:
    """The one lab of this machine. Methods raise `LabError` with what to do about it."""

    def __init__(self, report: Report = silent) -> None:
        self.files = Files()
        self._report = report

    # Up and down

    def up(self, config: LabConfig) -> bool:
        """Build and start the lab; False, without touching it, if one is up already.

        What an interrupted `up` left is removed first; when this `up` fails or is interrupted, it removes
        what it made.
        """
        config.check()
        _need_root()
        if self.is_up():
            return False
        built = binaries.build_all(self._report)
        with exclusive():
            if self.is_up():
                return False
            if teardown.remains(self.files):
                self._report("removing what an earlier lab left")
                teardown.remove_all(self.files)
            try:
                self._build(config, built)
            except BaseException:
                self._report("removing the unfinished lab")
                teardown.remove_all(self.files)
                raise
        return True

    def down(self) -> bool:
        """Remove the lab or what is left of one; False if there was nothing."""
        _need_root()
        with exclusive():
            if not teardown.remains(self.files):
                return False
            teardown.remove_all(self.files)
        return True

    def is_up(self) -> bool:
        """True if an `up` has completed and was not taken down since."""
        record = self.files.read_record()
        return record is not None and record.ready

    @property
    def record(self) -> Record:
        record = self.files.read_record()
        if record is None:
            raise LabError("there is no lab on this machine: start one with `p4kube lab up`")
        return record

    @property
    def layout(self) -> Layout:
        return Layout(self.record.config.nodes)

    @property
    def kubeconfig(self) -> Path:
        """For clients on the host, as cluster admin."""
        _ = self.record
        return self.files.kubeconfig

    @property
    def inner_kubeconfig(self) -> Path:
        """For clients inside the lab's namespaces, as cluster admin."""
        _ = self.record
        return self.files.inner_kubeconfig

    @property
    def api(self) -> AdminApi:
        """Plain requests to the API server as cluster admin."""
        return AdminApi(self.record.api_port, self.files.certificates)

    def _build(self, config: LabConfig, built: Binaries) -> None:
        files, plan = self.files, Layout(config.nodes)
        files.make()
        record = Record(
            config, machine_boot_id(), mounted_bpf=not BPF_FOLDER.is_mount(), api_port=_free_port()
        )
        files.write_record(record)
        _mount_bpf()
        self._report(f"laying cables between {len(plan.namespaces)} namespaces")
        fabric.build(plan, config.link_rate)
        self._write_identities(plan, record.api_port)
        configs.write_all(plan, files)
        self._report("starting etcd and kube-apiserver")
        for component in components.before_api(files, built, record.api_port):
            self._start(component)
        api = AdminApi(record.api_port, files.certificates)
        self._wait("kube-apiserver", "the API server to answer", api.ready, _API_SECONDS)
        self._report("starting the nodes")
        config = self._without_missing_parts(config)
        later = components.after_api(plan, config, files, built)
        bootstrapping = [each for each in later if each.name not in ("controller", "switch-agent")]
        for component in bootstrapping:
            self._start(component)
        self._bootstrap(api)
        for component in later:
            if component not in bootstrapping:
                self._start(component)
        self._wait_for_nodes(plan, api)
        files.write_record(msgspec.structs.replace(record, ready=True))

    def _write_identities(self, plan: Layout, port: int) -> None:
        files = self.files
        certificates.issue_all(files.certificates, plan)
        inside = f"https://{layout.API_ADDRESS}:{layout.API_PORT}"
        for identity in certificates.identities(plan):
            path = files.kubeconfigs / identity.name
            certificates.write_kubeconfig(path, inside, files.certificates, identity.name)
        certificates.write_kubeconfig(files.inner_kubeconfig, inside, files.certificates, "admin")
        outside = f"https://127.0.0.1:{port}"
        certificates.write_kubeconfig(files.kubeconfig, outside, files.certificates, "admin")

    def _without_missing_parts(self, config: LabConfig) -> LabConfig:
        """P4Kube's own parts can run only if this installation has them."""
        parts = {"switch": config.switch, "controller": config.controller}
        for part, wanted in parts.items():
            if wanted and not (_has_module(f"p4kube.{part}") and _has_module("p4kube.cli")):
                self._report(f"this installation has no p4kube.{part}: going on without it")
                parts[part] = False
        return msgspec.structs.replace(config, **parts)

    def _bootstrap(self, api: AdminApi) -> None:
        for document in bootstrap.documents():
            name = f"{document['kind']} {document['metadata']['name']}"
            self._wait("kube-apiserver", f"{name} to be accepted", partial(_accepts, api, document), 15)

    def _wait_for_nodes(self, plan: Layout, api: AdminApi) -> None:
        self._report("waiting for the nodes to be ready")
        self._wait(
            "kubelet", "all nodes to be Ready", lambda: _ready_nodes(api) >= plan.node_count, _READY_SECONDS
        )
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait("kube-controller-manager", "the default service account", lambda: _has(api, account), 30)
        for node in plan.nodes:
            name = f"kube-proxy-{node.name}"
            self._wait(
                name, f"{name} to be healthy", partial(_answers, node.namespace, str(node.address), 10256), 30
            )

    def _wait(self, component: str, what: str, done: Callable[[], bool], seconds: float) -> None:
        """Poll until `done`; on time-out or the component's death raise with the end of its log."""
        deadline = time.monotonic() + seconds
        while not done():
            recorded = process.read(self.files.components, component)
            died = recorded is not None and not process.alive(recorded)
            if died or time.monotonic() > deadline:
                log = self.log_of(component)
                verb = f"{component} ended while waiting" if died else f"waited {seconds:.0f} s in vain"
                raise LabError(f"{verb} for {what}; the end of {log}:\n{_tail(log)}")
            time.sleep(0.05)

    # Components

    def _start(self, component: Component) -> process.Process:
        return process.start(
            component.name,
            component.argv,
            log=self.log_of(component.name),
            folder=self.files.components,
            namespace=component.namespace,
        )

    def log_of(self, name: str) -> Path:
        """The file with everything that a component printed."""
        return self.files.logs / f"{components.full_name(name)}.log"

    def components(self) -> list[process.Process]:
        """Every component that was ever started, dead or alive."""
        return process.read_all(self.files.components)

    def component(self, name: str) -> process.Process:
        found = process.read(self.files.components, components.full_name(name))
        if found is None:
            known = ", ".join(each.name for each in self.components())
            raise LabError(f"the lab has no component '{name}'; it has: {known}")
        return found

    def kill_component(self, name: str, signal_number: int) -> None:
        """Signal a component and, for a deadly signal, leave it dead."""
        process.send(self.component(name), signal_number)

    def stop_component(self, name: str, patience: float = 5.0) -> None:
        """End a component: SIGTERM, after `patience` seconds SIGKILL."""
        process.end([self.component(name)], patience)

    def start_component(self, name: str) -> process.Process:
        """Start a component again as it was started before. Raises `LabError` if it still runs."""
        known = self.component(name)
        if process.alive(known):
            raise LabError(f"component {known.name} is running (pid {known.pid}): stop it first")
        return self._start(Component(known.name, tuple(known.argv), known.namespace))

    def restart_component(self, name: str) -> process.Process:
        self.stop_component(name)
        return self.start_component(name)

    def rebuild_switch(self) -> None:
        """A switch that lost power: namespace, ports, pins and boot id are gone, then the agent starts.

        Its neighbours keep their addresses and connections, and see their links come back.
        """
        agent = process.read(self.files.components, "switch-agent")
        if agent is not None:
            process.end([agent], 0.0)
        process.kill_inhabitants([layout.SWITCH])
        teardown.remove_pins()
        _mount_bpf()
        fabric.rebuild_switch(self.layout, self.record.config.link_rate)
        if agent is not None:
            self.start_component("switch-agent")

    # Inside

    def argv_in(self, place: str, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` in a place of the lab (see `p4kube.lab.where`)."""
        return [*netns.nsenter(where.namespace_of(place, self.files)), *argv]

    def run_in(self, place: str, argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """`subprocess.run` in a place of the lab; text and captured unless `options` say otherwise."""
        options = {"text": True, "capture_output": True, **options}
        done: subprocess.CompletedProcess[str] = subprocess.run(self.argv_in(place, argv), **options)
        return done

    def popen_in(self, place: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """`subprocess.Popen` in a place of the lab."""
        process_in: subprocess.Popen[Any] = subprocess.Popen(self.argv_in(place, argv), **options)
        return process_in


def _need_root() -> None:
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces and so needs root: run it with sudo")


def _mount_bpf() -> None:
    """Mount the BPF file system where everybody looks for it, if nobody has; pins live there."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not BPF_FOLDER.is_mount() and libc.mount(b"bpf", str(BPF_FOLDER).encode(), b"bpf", 0, None) != 0:
        raise LabError(f"cannot mount the BPF file system on {BPF_FOLDER}: {os.strerror(ctypes.get_errno())}")
    PIN_FOLDER.parent.mkdir(exist_ok=True)


def _free_port() -> int:
    """The port that the kubeconfig names: always the same if it is free."""
    for port in (_PREFERRED_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LabError("no free TCP port on 127.0.0.1 for the API server's relay")


def _has_module(name: str) -> bool:
    """True for a module or package with code; a folder that only holds data does not count."""
    try:
        spec = util.find_spec(name)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None


def _accepts(api: AdminApi, document: dict[str, Any]) -> bool:
    try:
        api.apply(document)
    except LabError:
        return False
    return True


def _has(api: AdminApi, path: str) -> bool:
    try:
        api.get(path)
    except LabError:
        return False
    return True


def _ready_nodes(api: AdminApi) -> int:
    try:
        nodes = api.get("/api/v1/nodes")["items"]
    except LabError:
        return 0
    return sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))
        for node in nodes
    )


def _answers(namespace: str, host: str, port: int) -> bool:
    """True if an HTTP GET /healthz inside a namespace is answered with 200."""
    try:
        with netns.open_socket(namespace, socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.settimeout(2)
            sock.connect((host, port))
            sock.sendall(f"GET /healthz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            return b" 200 " in sock.recv(64)
    except OSError:
        return False


def _tail(log: Path, lines: int = 12) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
