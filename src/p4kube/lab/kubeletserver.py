"""The kubelet's own server, on port 10250 of each node: container logs and exec, for the API server alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import WSMsgType, web

from p4kube.lab import child, netns, streams
from p4kube.lab.child import Child
from p4kube.lab.layout import Node
from p4kube.lab.sandbox import enter_argv

PORT = 10250
# The common name of the certificate that the API server shows to kubelets.
_CLIENT = "kube-apiserver-kubelet-client"
_CHUNK = 64 * 1024
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def container_folder(pods: Path, request: web.Request) -> Path:
    """The folder of the container that a request's path names. Raises HTTPNotFound."""
    info = request.match_info
    for folder in pods.glob(f"{info['namespace']}_{info['pod']}_*"):
        if (folder / info["container"]).is_dir():
            return folder / info["container"]
    raise web.HTTPNotFound(text=f"no container {info['container']} of {info['namespace']}/{info['pod']} here")


def log_file(folder: Path, previous: bool) -> Path:
    """The newest log of a container, or the one before it. Raises HTTPNotFound."""
    logs = sorted(folder.glob("*.log"), key=lambda path: int(path.stem))
    wanted = 2 if previous else 1
    if len(logs) < wanted:
        raise web.HTTPNotFound(
            text=f"container {folder.name} has not {'ended' if previous else 'started'} yet"
        )
    return logs[-wanted]


def running_child(folder: Path) -> Child | None:
    """A container's process, if it runs."""
    try:
        found = msgspec.json.decode((folder / "child.json").read_bytes(), type=Child)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return found if child.is_alive(found) else None


def last_lines(content: bytes, count: int) -> bytes:
    """The last `count` lines of a text."""
    return b"".join(content.splitlines(keepends=True)[-count:]) if count > 0 else b""


class KubeletServer:
    """One node's server, with its listening socket in the node's namespace."""

    def __init__(self, node: Node, certificates: Path, pods: Path) -> None:
        self._node = node
        self._certificates = certificates
        self._pods = pods

    async def start(self) -> None:
        """Listen; requests are answered until the event loop ends. Raises OSError."""
        application = web.Application(middlewares=[_only_the_api_server])
        route = "/{namespace}/{pod}/{container}"
        application.router.add_get("/containerLogs" + route, self._logs)
        application.router.add_get("/exec" + route, self._exec)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        listener = netns.open_socket(self._node.namespace, socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(self._node.address), PORT))
        await web.SockSite(runner, listener, ssl_context=self._tls()).start()

    def _tls(self) -> ssl.SSLContext:
        folder = self._certificates
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
        context.verify_mode = ssl.CERT_REQUIRED
        name = f"kubelet-server-{self._node.name}"
        context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
        return context

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        folder = container_folder(self._pods, request)
        previous = request.query.get("previous") == "true"
        log = log_file(folder, previous)
        answer = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        await answer.prepare(request)
        with log.open("rb") as source, contextlib.suppress(ConnectionError):
            if "tailLines" in request.query:
                await answer.write(last_lines(source.read(), int(request.query["tailLines"])))
            follow = request.query.get("follow") == "true" and not previous
            while True:
                # Asked before reading, so that the last lines of a container that ends are not missed.
                ended = running_child(folder) is None
                while data := source.read(_CHUNK):
                    await answer.write(data)
                if not follow or ended:
                    break
                await asyncio.sleep(0.2)
            await answer.write_eof()
        return answer

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        folder = container_folder(self._pods, request)
        running = running_child(folder)
        if running is None:
            raise web.HTTPConflict(text=f"container {folder.name} is not running")
        query = request.query
        command = streams.Command(
            enter_argv(running.pid, query.getall("command")),
            _environment(running.pid),
            stdin=_flag(query.get("input") or query.get("stdin")),
            tty=_flag(query.get("tty")),
        )
        socket_ = web.WebSocketResponse(protocols=streams.PROTOCOLS)
        await socket_.prepare(request)
        await _converse(socket_, command)
        return socket_


async def _converse(socket_: web.WebSocketResponse, command: streams.Command) -> None:
    """Run a command over a WebSocket until it ends or the client leaves."""

    async def send(channel: int, data: bytes) -> None:
        await socket_.send_bytes(bytes([channel]) + data)

    session = await streams.start(command)

    async def listen() -> None:
        async for message in socket_:
            if message.type == WSMsgType.BINARY and message.data:
                session.receive(message.data[0], message.data[1:])
        session.kill()

    listening = asyncio.create_task(listen())
    try:
        code = await session.finish(send)
        await send(streams.ERROR, streams.outcome(code))
    except ConnectionError:
        session.kill()
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await listening
        await socket_.close()


@web.middleware
async def _only_the_api_server(request: web.Request, handler: _Handler) -> web.StreamResponse:
    certificate = request.get_extra_info("peercert") or {}
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    if names != [_CLIENT]:
        raise web.HTTPForbidden(text=f"{names or 'nobody'} may not speak to this kubelet")
    return await handler(request)


def _environment(pid: int) -> dict[str, str]:
    """The variables that a process was started with."""
    pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    texts = [os.fsdecode(pair).partition("=") for pair in pairs if b"=" in pair]
    return {name: value for name, _, value in texts}


def _flag(text: str | None) -> bool:
    return text in ("1", "true")
