"""Pinned BPF objects: a directory on a BPF file system keeps maps, program and links without a process."""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path

from p4xdp.runtime import libbpf
from p4xdp.runtime.loading import LoadError

_BPF_FS_MAGIC = 0xCAFE4A11


class _StatFs(ctypes.Structure):
    """struct statfs (Linux, 64 bits), its head."""

    _fields_ = (("type", ctypes.c_long), ("rest", ctypes.c_char * 248))


def check_bpf_file_system(path: Path) -> None:
    """Raises LoadError unless `path`, or the nearest directory that exists above it, is on such a one."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    result = _StatFs()
    function = ctypes.CDLL(None, use_errno=True).statfs
    function.argtypes, function.restype = (ctypes.c_char_p, ctypes.POINTER(_StatFs)), ctypes.c_int
    if function(os.fsencode(existing), ctypes.byref(result)) != 0:
        raise LoadError(f"{existing}: {os.strerror(ctypes.get_errno())}")
    if result.type != _BPF_FS_MAGIC:
        raise LoadError(
            f"{path} is not on a BPF file system: mount one (`mount -t bpf bpf /sys/fs/bpf`) and use a "
            f"directory there; `ip netns exec` hides it, `nsenter --net=/run/netns/NAME` does not"
        )


class PinDirectory:
    """A directory of pins. Names must not contain a dot. Everything may exist already, or not yet."""

    def __init__(self, path: Path) -> None:
        check_bpf_file_system(path)
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise LoadError(f"{path}: cannot be made: {error.strerror}") from error

    def folder(self, name: str) -> PinDirectory:
        return PinDirectory(self.path / name)

    def names(self) -> list[str]:
        """Names of the pinned objects."""
        entries = sorted(self.path.iterdir())
        return [e.name for e in entries if stat.S_ISREG(e.lstat().st_mode) and not e.name.startswith("new_")]

    def open(self, name: str) -> int | None:
        """A new file descriptor of the object pinned as `name`, None if there is none."""
        path = self.path / name
        if not path.exists():
            return None
        return libbpf.call("bpf_obj_get", os.fsencode(path))

    def put(self, name: str, fd: int) -> None:
        """Pins the object, in place of what is pinned as `name`, in one step."""
        temporary = self.path / f"new_{name}"
        temporary.unlink(missing_ok=True)
        libbpf.call("bpf_obj_pin", fd, os.fsencode(temporary))
        temporary.rename(self.path / name)

    def exchange(self, new: str, name: str) -> None:
        """The directory `new` becomes `name`; what was `name` is removed."""
        old = self.path / f"old_{name}"
        if old.exists():
            PinDirectory(old).remove_all()
        if (self.path / name).exists():
            (self.path / name).rename(old)
        (self.path / new).rename(self.path / name)
        if old.exists():
            PinDirectory(old).remove_all()

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Removes all pins here and the directory itself."""
        for entry in self.path.iterdir():
            if entry.is_dir():
                PinDirectory(entry).remove_all()
            else:
                entry.unlink()
        self.path.rmdir()
