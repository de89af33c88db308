"""Two hosts and a switch between them in network namespaces, and a BPF file system of the test's own."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_ETH_P_ALL = 3
HOSTS = ("a", "b")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


@contextmanager
def bpf_file_system(path: Path) -> Iterator[Path]:
    path.mkdir()
    _run("mount", "-t", "bpf", "bpf", str(path))
    try:
        yield path
    finally:
        _run("umount", str(path))


class Network:
    """Namespaces `<prefix>-a`, `-b` and `-sw`; the switch's interfaces are called like the hosts."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.sockets: dict[str, socket.socket] = {}

    def name(self, host: str) -> str:
        return f"{self.prefix}-{host}"

    def build(self) -> None:
        for host in (*HOSTS, "sw"):
            _run("ip", "netns", "add", self.name(host))
            self.quiet(host)
        for host in HOSTS:
            _run(
                "ip", "link", "add", "eth0", "netns", self.name(host),
                "type", "veth", "peer", "name", host, "netns", self.name("sw"),
            )  # fmt: skip
            _run("ip", "-n", self.name(host), "link", "set", "dev", "eth0", "up")
            _run("ip", "-n", self.name("sw"), "link", "set", "dev", host, "up")
            _run("ip", "netns", "exec", self.name(host), "ethtool", "-K", "eth0", "gro", "on")
            with self.inside(host):
                self.sockets[host] = socket.socket(
                    socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)
                )
                self.sockets[host].bind(("eth0", 0))

    def quiet(self, host: str) -> None:
        """No IPv6, so that nobody sends anything unasked."""
        for name in ("all", "default"):
            _run("ip", "netns", "exec", self.name(host), "sysctl", f"net.ipv6.conf.{name}.disable_ipv6=1")

    def destroy(self) -> None:
        for sock in self.sockets.values():
            sock.close()
        for host in (*HOSTS, "sw"):
            subprocess.run(["ip", "netns", "delete", self.name(host)], check=False, capture_output=True)

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """This thread's calls happen in the host's network namespace."""
        with (
            Path("/proc/thread-self/ns/net").open() as own,
            Path("/run/netns", self.name(host)).open() as other,
        ):
            assert _LIBC.setns(other.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert _LIBC.setns(own.fileno(), _CLONE_NEWNET) == 0

    def interface(self, host: str) -> int:
        """Index of the switch's interface towards `host`."""
        with self.inside("sw"):
            return socket.if_nametoindex(host)

    def delete_link(self, host: str) -> None:
        _run("ip", "-n", self.name("sw"), "link", "delete", "dev", host)

    def send(self, host: str, frame: bytes) -> None:
        self.sockets[host].send(frame)

    def receive(self, host: str, seconds: float = 2.0) -> bytes | None:
        """The next frame that came in, None if none comes in time."""
        sock = self.sockets[host]
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                data, address = sock.recvfrom(4096)
            except TimeoutError:
                return None
            if address[2] != socket.PACKET_OUTGOING:
                return data
        return None


@contextmanager
def network(prefix: str) -> Iterator[Network]:
    net = Network(prefix)
    net.destroy()
    try:
        net.build()
        yield net
    finally:
        net.destroy()
