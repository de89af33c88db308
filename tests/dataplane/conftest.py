"""The data plane, compiled once for all tests of this folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from p4xdp import driver
from p4xdp.device import Device, KeySet
from p4xdp.ir.nodes import Program
from p4xdp.runtime import open_device
from p4xdp.targets.xdp import XdpOptions, compile_program
from tests.dataplane import topology as net

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def p4kube_program() -> Program:
    return driver.build_ir(ROOT / "p4/p4kube.p4", [], {})


@pytest.fixture(scope="session")
def p4kube_object(p4kube_program: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled for BPF_PROG_TEST_RUN."""
    path = tmp_path_factory.mktemp("p4kube") / "p4kube.o"
    compile_program(p4kube_program, path, options=XdpOptions(mode="test"))
    return path


@pytest.fixture
def p4kube_device(p4kube_object: Path) -> Iterator[Callable[[], Device]]:
    """Makes devices with empty state, local tables filled as in `topology.setup_lines`."""
    with ExitStack() as stack:

        def make() -> Device:
            device = stack.enter_context(open_device(p4kube_object))
            k0, k1 = (int.from_bytes(net.KEY[i : i + 8], "little") for i in (0, 8))
            address = int.from_bytes(bytes(map(int, net.SWITCH_IP.split("."))), "big")
            own = net.mac_number(net.CONTROLLER.switch_mac)
            device.table_add("ports", [KeySet("exact", net.CONTROLLER.port)], "set_own_mac", [own])
            device.table_set_default("identity", "set_boot_id", [net.BOOT_ID])
            device.table_add("update_addresses", [KeySet("exact", address)], "NoAction", [])
            device.table_add("update_keys", [KeySet("exact", net.KEY_ID)], "set_key", [k0, k1])
            return device

        yield make


@pytest.fixture(scope="session", autouse=True)
def bpf_filesystem() -> Iterator[None]:
    """Mounted where pins live, if nobody has; and then taken away again."""
    folder = Path("/sys/fs/bpf")
    if os.geteuid() != 0 or folder.is_mount():
        yield
        return
    subprocess.run(["mount", "-t", "bpf", "bpf", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
