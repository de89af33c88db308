"""Loads a compiled program into the kernel, taking over maps that exist where asked to."""

from __future__ import annotations

import ctypes
import errno
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from p4xdp.runtime import libbpf
from p4xdp.runtime.elf import ObjectError, read_manifest
from p4xdp.runtime.libbpf import KernelError
from p4xdp.targets.xdp.manifest import Manifest

STATE_MAP = ".bss"
PROGRAM = b"p4_program"
_LOG_SIZE = 1 << 24
_LOG_TAIL = 40
_PLACE = re.compile(r"/\* (\S+:\d+:\d+) \*/")


class LoadError(Exception):
    """The kernel does not take a program; says why and what can be done."""


@dataclass(slots=True)
class Loaded:
    """A program in the kernel: file descriptors of the program and of its maps by name. Close it."""

    manifest: Manifest
    program: int
    maps: dict[str, int]
    instructions: int

    def close(self) -> None:
        for fd in (self.program, *self.maps.values()):
            os.close(fd)
        self.maps = {}


def map_names(manifest: Manifest) -> list[str]:
    """Names of the maps that hold something which outlives a program."""
    names = [STATE_MAP, "faults"]
    names += [table.map for table in manifest.tables if table.map]
    names += [counter.map for counter in manifest.counters]
    names += [f"locks{number}" for number in range(manifest.locks)]
    if manifest.mode == "switch":
        names.append("links")
    return names


def load(path: Path, reuse: Mapping[str, int] | None = None) -> Loaded:
    """Loads the object at `path`; maps named in `reuse` are those (descriptors stay the caller's).

    Raises ObjectError if the file is no such object, LoadError if the kernel refuses it.
    """
    manifest = read_manifest(path)
    data = path.read_bytes()
    try:
        handle = libbpf.pointer("bpf_object__open_mem", data, len(data), None)
    except KernelError as error:
        raise ObjectError(f"{path}: libbpf cannot read it: {error}") from error
    try:
        return _load(path, manifest, handle, reuse or {})
    finally:
        libbpf.library().bpf_object__close(handle)


def _load(path: Path, manifest: Manifest, handle: int, reuse: Mapping[str, int]) -> Loaded:
    program = libbpf.pointer("bpf_object__find_program_by_name", handle, PROGRAM)
    log = ctypes.create_string_buffer(_LOG_SIZE)
    libbpf.call("bpf_program__set_log_buf", program, log, _LOG_SIZE)
    for name, fd in reuse.items():
        entry = libbpf.library().bpf_object__find_map_by_name(handle, name.encode())
        if entry:
            libbpf.call("bpf_map__reuse_fd", entry, fd)
    try:
        libbpf.call("bpf_object__load", handle)
    except KernelError as error:
        raise LoadError(_explain(path, manifest, error, log.value.decode(errors="replace"))) from error
    maps = {}
    entry = libbpf.library().bpf_object__next_map(handle, None)
    while entry:
        name = libbpf.library().bpf_map__name(entry).decode()
        maps[STATE_MAP if name.endswith(STATE_MAP) else name] = os.dup(libbpf.call("bpf_map__fd", entry))
        entry = libbpf.library().bpf_object__next_map(handle, entry)
    fd = os.dup(libbpf.call("bpf_program__fd", program))
    return Loaded(manifest, fd, maps, libbpf.library().bpf_program__insn_cnt(program))


def _explain(path: Path, manifest: Manifest, error: KernelError, log: str) -> str:
    """What the user can do about a refused load."""
    if error.errno in (errno.EPERM,) and not log:
        return f"{path}: the kernel does not permit it: run as root, or with CAP_BPF and CAP_NET_ADMIN"
    if error.errno == errno.E2BIG and not log:
        return (
            f"{path}: the kernel refuses a map of {manifest.state_size >> 20} MiB in one element "
            f"(needs Linux 6.0 or later for more than 4 MiB), or a table that is too large"
        )
    if error.errno == errno.ENOMEM and not log:
        return f"{path}: no memory for maps of {manifest.state_size >> 20} MiB (registers) and the tables"
    lines = [line for line in log.splitlines() if line.strip()]
    places = _PLACE.findall(log)
    at = f" at {places[-1]}" if places else ""
    tail = "\n".join(f"  {line}" for line in lines[-_LOG_TAIL:])
    return f"{path}: the kernel's verifier refuses the program{at} ({error}):\n{tail}"
