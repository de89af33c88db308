"""One TCP stream from one network namespace to another, as fast as it goes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from ipaddress import IPv4Address

from p4kube.lab import LabError, netns

_CHUNK = 1 << 20
_WARM_UP_SECONDS = 0.3
_PATIENCE_SECONDS = 5.0


def throughput(
    sender: str,
    target: tuple[IPv4Address, int],
    receiver: str,
    listen: tuple[IPv4Address, int],
    seconds: float,
) -> float:
    """Bits per second that arrived at `listen` in `receiver`, sent to `target`, headers not counted.

    Measured for `seconds`, after the stream has come up to speed. Raises LabError if it does not stand.
    """
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(netns.open_socket(receiver, socket.AF_INET, socket.SOCK_STREAM))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((str(listen[0]), listen[1]))
        server.listen(1)
        server.settimeout(_PATIENCE_SECONDS)
        client = stack.enter_context(netns.open_socket(sender, socket.AF_INET, socket.SOCK_STREAM))
        client.settimeout(_PATIENCE_SECONDS)
        try:
            client.connect((str(target[0]), target[1]))
            arriving = stack.enter_context(server.accept()[0])
        except OSError as error:
            raise LabError(f"no TCP connection to {target[0]}:{target[1]}: {error}") from error
        sending = threading.Thread(target=_send, args=(client,), daemon=True)
        sending.start()
        try:
            return _receive(arriving, seconds)
        finally:
            # Ends the thread's sendall, whatever it waits for.
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            sending.join(_PATIENCE_SECONDS)


def _send(client: socket.socket) -> None:
    data = bytes(_CHUNK)
    with contextlib.suppress(OSError):
        while True:
            client.sendall(data)


def _receive(arriving: socket.socket, seconds: float) -> float:
    buffer = bytearray(_CHUNK)
    arriving.settimeout(_PATIENCE_SECONDS)
    began = time.monotonic() + _WARM_UP_SECONDS
    total, first = 0, None
    while True:
        try:
            size = arriving.recv_into(buffer)
        except OSError as error:
            raise LabError(f"the stream stopped: {error}") from error
        now = time.monotonic()
        if not size:
            raise LabError("the stream ended early")
        if first is None:
            if now >= began:
                first = now
            continue
        total += size
        if now - first >= seconds:
            return 8 * total / (now - first)
