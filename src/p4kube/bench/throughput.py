"""Throughput of one stream through the switch: balanced in XDP, beside plain forwarding by the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import yaml

from p4kube.bench import line
from p4kube.bench.line import Line
from p4kube.bench.stream import throughput
from p4kube.controller.link.connection import Connection
from p4kube.lab import LabError, netns, teardown
from p4kube.model import NodeShare, Protocol, ServicePort
from p4kube.plan import Planner
from p4kube.wire import contract

_BPF = Path("/sys/fs/bpf")
_PORT, _NODE_PORT = 5001, 30001
_KEY_ID = 1
_READY_SECONDS = 60.0

Say = Callable[[str], None]


class Throughput(msgspec.Struct, frozen=True, rename="camel"):
    """Gigabits per second of payload, medians over the rounds; `ratio` is `balanced` / `forwarded`."""

    rounds: int
    seconds: float
    mtu: int
    balanced: float
    forwarded: float
    ratio: float
    balanced_runs: list[float]
    forwarded_runs: list[float]


def measure(say: Say, *, rounds: int = 6, seconds: float = 1.5) -> Throughput:
    """Both, in turns. Raises LabError with the agent's words if it does not start."""
    xdp, plain = Line("xdp"), Line("plain")
    balanced, forwarded = [], []
    with line.standing(xdp), line.standing(plain), _balancing(xdp, say):
        for i in range(rounds):
            say(f"measuring throughput: round {i + 1} of {rounds}")
            balanced.append(_run(xdp, (line.VIP, _PORT), seconds))
            forwarded.append(_run(plain, (plain.node.address, _NODE_PORT), seconds))
    return Throughput(
        rounds, seconds, 1500, round(median(balanced), 2), round(median(forwarded), 2),
        round(median(balanced) / median(forwarded), 3), balanced, forwarded,
    )  # fmt: skip


def _run(where: Line, target: tuple[Any, int], seconds: float) -> float:
    listen = (where.node.address, _NODE_PORT)
    bits = throughput(where.client.namespace, target, where.node.namespace, listen, seconds)
    return round(bits / 1e9, 3)


@contextlib.contextmanager
def _balancing(where: Line, say: Say) -> Iterator[None]:
    """The agent runs in the line's switch, and the VIP leads to its node."""
    with _bpf_file_system(), TemporaryDirectory(prefix="p4kube-bench-") as name:
        folder, key = Path(name), secrets.token_bytes(16)
        config = _write_configuration(where, folder, key)
        say("measuring throughput: starting the switch")
        with _agent(where, config, folder / "agent.log") as alive:
            try:
                asyncio.run(asyncio.wait_for(_program(where, key), _READY_SECONDS))
            except TimeoutError:
                raise LabError(f"the switch takes no updates; {alive()}") from None
            yield


def _write_configuration(where: Line, folder: Path, key: bytes) -> Path:
    keys = folder / "keys"
    keys.touch(mode=0o600)
    keys.write_text(yaml.safe_dump({"updateKeys": {_KEY_ID: key.hex()}, "flowSecret": secrets.token_hex(32)}))
    hosts = where.client, where.node
    document = {
        "name": "bench",
        "ports": [{"interface": host.port, "number": i} for i, host in enumerate(hosts, start=1)],
        "updateAddress": str(line.UPDATE_ADDRESS),
        "keysFile": str(keys),
        "pinPath": str(_BPF / "p4kube" / f"bench-{os.getpid()}"),
    }
    config = folder / "switch.yaml"
    config.write_text(yaml.safe_dump(document))
    return config


@contextlib.contextmanager
def _agent(where: Line, config: Path, log: Path) -> Iterator[Callable[[], str]]:
    """`p4kube switch run --detach` in the switch's namespace; yields what tells how it is doing."""
    ourselves = [sys.executable, "-c", "from p4kube.cli import main; main()"]
    argv = [*netns.nsenter(where.switch), *ourselves, "switch", "run", "--detach", "--config", str(config)]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output, start_new_session=True)

    def state() -> str:
        ended = "" if process.poll() is None else f" ended with exit code {process.returncode},"
        return f"the agent{ended} said:\n{log.read_text(errors='replace')[-2000:]}"

    try:
        _wait_until_ready(process, log, state)
        yield state
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path, state: Callable[[], str]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while " is ready" not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabError(f"the switch does not start; {state()}")
        time.sleep(0.1)


async def _program(where: Line, key: bytes) -> None:
    """One service port with one node, by update packets from the client's namespace."""
    share = (NodeShare(where.node.address, 1),)
    writes = Planner().serve(ServicePort(line.VIP, _PORT, Protocol.TCP, _NODE_PORT, share))
    sock = netns.open_socket(where.client.namespace, socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.connect((str(line.UPDATE_ADDRESS), contract.UPDATE_PORT))
    loop = asyncio.get_running_loop()
    transport, connection = await loop.create_datagram_endpoint(
        lambda: Connection("bench", _KEY_ID, key, epoch=1), sock=sock
    )
    try:
        await connection.hello()
        await connection.write(writes)
    finally:
        transport.close()


@contextlib.contextmanager
def _bpf_file_system() -> Iterator[None]:
    """Mounted where the agent pins; unmounted again if nobody had mounted it."""
    mounted = _BPF.is_mount()
    if not mounted and ctypes.CDLL(None, use_errno=True).mount(b"bpf", str(_BPF).encode(), b"bpf", 0, None):
        raise LabError(f"cannot mount the BPF file system on {_BPF}: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        folder = _BPF / "p4kube"
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        if not mounted:
            teardown.unmount_bpf()
