"""One agent for each set of pinned maps."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from p4kube.switch.errors import SwitchError

RUN_FOLDER = Path("/run/p4kube")


@contextmanager
def held(pin_path: Path, folder: Path = RUN_FOLDER) -> Iterator[None]:
    """Holds the lock of `pin_path` for the time of a `with` block; the kernel frees it with the process.

    Raises SwitchError if another process holds it.
    """
    path = lock_path(pin_path, folder)
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SwitchError(f"cannot make the lock file {path}: {error.strerror}: run as root") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SwitchError(
                f"another switch agent (pid {_holder(descriptor)}) serves {pin_path}: stop it first"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def lock_path(pin_path: Path, folder: Path = RUN_FOLDER) -> Path:
    """A file name that no other pin path has."""
    return folder / (quote(str(pin_path).strip("/"), safe="") + ".lock")


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
