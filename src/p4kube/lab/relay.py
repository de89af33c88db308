"""A TCP relay that lets clients on the host reach the API server inside its namespace.

It listens on the machine's loopback and opens the connections' other halves inside the lab: the
listening socket is made before the process moves into the namespace, and stays where it was made.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import socket

from p4kube.lab import netns

_CHUNK = 64 * 1024


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end of one direction, then pass the end on."""
    with contextlib.suppress(ConnectionError, OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _serve(target: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        far_reader, far_writer = await asyncio.open_connection(*target)
    except OSError:
        writer.transport.abort()
        return
    try:
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
    finally:
        far_writer.close()
        writer.close()


async def run(listener: socket.socket, target: tuple[str, int]) -> None:
    """Relay every connection to `target` until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await asyncio.start_server(lambda r, w: _serve(target, r, w), sock=listener)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1 to listen on")
    parser.add_argument("--namespace", required=True, help="network namespace of the target")
    parser.add_argument("--target", required=True, help="address:port inside the namespace")
    options = parser.parse_args()
    host, _, port = options.target.rpartition(":")
    listener = socket.create_server(("127.0.0.1", options.port), backlog=128)
    netns.enter_for_good(options.namespace)
    asyncio.run(run(listener, (host, int(port))))


if __name__ == "__main__":
    main()
