"""Liveness, readiness and startup probes: HTTP, TCP and commands, made from the node like a kubelet's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address

import msgspec

from p4kube.lab import child, netns, sandbox
from p4kube.lab.podspec import Container, Exec, HttpGet, Probe, TcpSocket


class Target(msgspec.Struct, frozen=True):
    """Where a container is probed: sockets open in the node's namespace, commands run beside its process."""

    node_namespace: str
    address: IPv4Address
    pid: int


class Tally(msgspec.Struct, frozen=True):
    """Outcome so far: whether the probe holds, and how many results in a row spoke for `run_of`."""

    holds: bool
    run_of: bool = False
    run: int = 0


def count(tally: Tally, success: bool, probe: Probe) -> Tally:
    """The tally after one more result: thresholds as in core/v1 Probe."""
    run = tally.run + 1 if tally.run and tally.run_of == success else 1
    threshold = probe.success_threshold if success else probe.failure_threshold
    holds = success if run >= threshold else tally.holds
    return Tally(holds, success, run)


async def attempt(probe: Probe, container: Container, target: Target, environment: Mapping[str, str]) -> bool:
    """Probe once; a failure, a refusal and a timeout are all False."""
    try:
        async with asyncio.timeout(probe.timeout_seconds):
            if probe.http_get is not None:
                return await _http(probe.http_get, container, target)
            if probe.tcp_socket is not None:
                return await _tcp(probe.tcp_socket, container, target)
            if probe.exec is not None:
                code, _ = await run_command(probe.exec, target, environment, probe.timeout_seconds)
                return code == 0
            return True
    except (OSError, TimeoutError, ValueError, ssl.SSLError):
        return False


async def watch(
    probe: Probe,
    container: Container,
    target: Target,
    environment: Mapping[str, str],
    *,
    start: Tally,
    report: Callable[[Tally], None],
) -> None:
    """Probe for ever, telling each tally to `report`; the first attempt comes after the initial delay."""
    await asyncio.sleep(probe.initial_delay_seconds)
    tally = start
    while True:
        tally = count(tally, await attempt(probe, container, target, environment), probe)
        report(tally)
        # Until it first holds, ask more often than the period, as a kubelet does after a container starts.
        await asyncio.sleep(probe.period_seconds if tally.holds else min(1.0, probe.period_seconds))


async def run_command(
    action: Exec, target: Target, environment: Mapping[str, str], seconds: float
) -> tuple[int, str]:
    """Run a probe's or hook's command in the container: exit code, output. Raises TimeoutError, OSError."""
    argv = sandbox.enter_argv(target.pid, action.command)
    return await child.run_to_end(argv, environment, seconds)


async def _connect(target: Target, host: str, port: int) -> socket.socket:
    sock = netns.open_socket(target.node_namespace, socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # A probe leaves at once: no TIME_WAIT to pile up on the node.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await asyncio.get_running_loop().sock_connect(sock, (host or str(target.address), port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _tcp(action: TcpSocket, container: Container, target: Target) -> bool:
    port = container.port_number(action.port)
    if port is None:
        return False
    (await _connect(target, action.host, port)).close()
    return True


async def _http(action: HttpGet, container: Container, target: Target) -> bool:
    return 200 <= await http_status(action, container, target) < 400


async def http_status(action: HttpGet, container: Container, target: Target) -> int:
    """Status code of a GET; raises OSError or ValueError if there is no HTTP answer."""
    port = container.port_number(action.port)
    if port is None:
        raise ValueError(f"container '{container.name}' has no port '{action.port}'")
    sock = await _connect(target, action.host, port)
    context: ssl.SSLContext | None = None
    if action.scheme.upper() == "HTTPS":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    host = action.host or str(target.address)
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=context, server_hostname=host if context else None
    )
    try:
        headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.36", "Accept": "*/*"}
        headers |= {header.name: header.value for header in action.http_headers}
        lines = [f"GET {action.path or '/'} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        writer.write(("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode())
        status = (await reader.readline()).split()
        if len(status) < 2 or not status[0].startswith(b"HTTP/"):
            raise ValueError("not an HTTP answer")
        return int(status[1])
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
