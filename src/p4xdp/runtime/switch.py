"""A program that forwards between interfaces and outlives the process that started it.

Everything is pinned under one directory of a BPF file system: the program (its pin's name says of which
object) and its maps (the state memory's pin says of which layout) in `live`, a link for each port in `links`.
A process that opens the directory later takes over what runs there: with the same object it only picks up the
pins, with another object of equal layout the new program gets the same maps. The directory belongs to one
process at a time; callers see to that.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import struct
from pathlib import Path

from p4xdp.device import CPU_PORT
from p4xdp.runtime import libbpf
from p4xdp.runtime.elf import read_manifest
from p4xdp.runtime.libbpf import KernelError
from p4xdp.runtime.loading import STATE_MAP, Loaded, LoadError, load, map_names
from p4xdp.runtime.pins import PinDirectory
from p4xdp.runtime.tables import KernelTables
from p4xdp.targets.xdp.manifest import Manifest

_DIGEST = 24


class AttachError(Exception):
    """An interface cannot become a port; says why and what would help."""


class Switch(KernelTables):
    """Get one from `open_switch`. `fresh`: the maps are new, tables are empty, registers at their initial
    values. Until `activate` a program that ran here before goes on running with its own maps."""

    def __init__(self, loaded: Loaded, pins: PinDirectory, program_pin: str, *, fresh: bool) -> None:
        super().__init__(loaded, fresh=fresh)
        self.fresh = fresh
        self._loaded = loaded
        self._program_pin = program_pin
        self._pins = pins
        self._links = pins.folder("links")

    def close(self) -> None:
        """Lets go of the program; it goes on running."""
        super().close()
        self._loaded.close()

    def activate(self) -> None:
        """Makes this the program that all ports run, each in one step, and pins it.

        Call it, like `attach`, in the network namespace of the interfaces: indices mean nothing in others.
        """
        served = self.attached()
        if self.fresh:
            for port, interface in served.items():
                self._assign(port, interface)
        for port in served:
            link = self._links.open(str(port))
            if link is not None:
                _update(link, self._loaded.program)
                os.close(link)
        if self.fresh:
            self._pin(self._pins.folder("next"))
            self._pins.exchange("next", "live")
        else:
            self._pin(self._pins.folder("live"))

    def _pin(self, live: PinDirectory) -> None:
        for name in map_names(self.manifest):
            live.put(_pin_name(name, self.manifest), self._loaded.maps[name])
        live.put(self._program_pin, self._loaded.program)
        for name in live.names():
            if name.startswith("program_") and name != self._program_pin:
                live.remove(name)

    # ------------------------------------------------------------------ ports

    def attached(self) -> dict[int, int]:
        """Ports in service: number to interface index. Ports whose interface is gone are cleared away."""
        result = {}
        for name in self._links.names():
            fd = self._links.open(name)
            if fd is None:
                continue
            interface = libbpf.link_info(fd).ifindex
            os.close(fd)
            if interface:
                result[int(name)] = interface
            else:
                self._links.remove(name)
                self._withdraw(int(name))
        return result

    def attach(self, port: int, interface: int, *, generic: bool = False) -> None:
        """Makes the interface (an index of this network namespace) the port, in place of what either was.

        Native XDP unless `generic` is set. Raises AttachError.
        """
        if not 0 <= port < CPU_PORT:
            raise AttachError(f"port {port}: ports are numbered 0 to {CPU_PORT - 1}")
        if not 0 < interface < self.manifest.interfaces:
            raise AttachError(
                f"port {port}: interface index {interface} is not below {self.manifest.interfaces}: "
                f"make the interface again in a namespace with fewer"
            )
        served = self.attached()
        for other, index in served.items():
            if (other == port) != (index == interface):
                self.detach(other)
        self._assign(port, interface)
        link = self._links.open(str(port))
        try:
            if link is None:
                link = _create(self._loaded.program, port, interface, generic)
                self._links.put(str(port), link)
            else:
                _update(link, self._loaded.program)
        except AttachError:
            self._withdraw(port)
            raise
        finally:
            if link is not None:
                os.close(link)

    def detach(self, port: int) -> None:
        """The port's interface belongs to the kernel alone again. Nothing happens if it is no port."""
        link = self._links.open(str(port))
        if link is not None:
            try:
                libbpf.call("bpf_link_detach", link)
            finally:
                os.close(link)
            self._links.remove(str(port))
        self._withdraw(port)

    def remove(self) -> None:
        """Detaches all ports and removes every pin: the program is gone once this object is closed."""
        for port in self.attached():
            self.detach(port)
        self._pins.remove_all()

    def _assign(self, port: int, interface: int) -> None:
        """Tells the program both ways which interface the port is."""
        key, value = struct.pack("<I", port), struct.pack("<I", interface)
        try:
            libbpf.call("bpf_map_update_elem", self._loaded.maps["links"], key, value, libbpf.BPF_ANY)
        except KernelError as error:
            raise AttachError(
                f"port {port}: this network namespace has no interface {interface} to send to ({error})"
            ) from error
        self.memory.write(self.manifest.port_offset + 2 * interface, 2, port + 1)

    def _withdraw(self, port: int) -> None:
        key, value = struct.pack("<I", port), ctypes.create_string_buffer(4)
        table = self.memory.get(self.manifest.port_offset, 2 * self.manifest.interfaces)
        numbers = struct.unpack(f"<{self.manifest.interfaces}H", table)
        for interface, number in enumerate(numbers):
            if number == port + 1:
                self.memory.write(self.manifest.port_offset + 2 * interface, 2, 0)
        try:
            libbpf.call("bpf_map_lookup_elem", self._loaded.maps["links"], key, value)
            libbpf.call("bpf_map_delete_elem", self._loaded.maps["links"], key)
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise


def open_switch(path: Path, pins: Path) -> Switch:
    """Loads the object at `path` (mode "switch"), or takes over what is pinned in the directory `pins`.

    The result is not active yet: fill the tables if it is `fresh`, then call `activate`. Raises ObjectError,
    LoadError.
    """
    manifest = read_manifest(path)
    if manifest.mode != "switch":
        raise LoadError(f"{path} is compiled for tests (mode {manifest.mode!r}): compile it for a switch")
    directory = PinDirectory(pins)
    live = directory.folder("live")
    program_pin = f"program_{hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGEST]}"
    maps = _pinned_maps(live, manifest)
    try:
        program = live.open(program_pin) if maps else None
        if program is not None:
            loaded = Loaded(manifest, program, dict(maps), 0)
            return Switch(loaded, directory, program_pin, fresh=False)
        switch = Switch(load(path, maps), directory, program_pin, fresh=not maps)
    except BaseException:
        _close(maps)
        raise
    _close(maps)
    return switch


def _pinned_maps(live: PinDirectory, manifest: Manifest) -> dict[str, int]:
    """The maps pinned there if they have the layout of `manifest`, else none."""
    pins = {_pin_name(name, manifest): name for name in map_names(manifest)}
    if not set(pins) <= set(live.names()):
        return {}
    found = {name: live.open(pin) for pin, name in pins.items()}
    return {name: fd for name, fd in found.items() if fd is not None}


def _close(maps: dict[str, int]) -> None:
    for fd in maps.values():
        os.close(fd)


def _pin_name(name: str, manifest: Manifest) -> str:
    return f"state_{manifest.layout[:_DIGEST]}" if name == STATE_MAP else name


def _create(program: int, port: int, interface: int, generic: bool) -> int:
    options = libbpf.LinkCreateOptions()
    options.sz = ctypes.sizeof(options)
    options.flags = libbpf.XDP_FLAGS_SKB_MODE if generic else libbpf.XDP_FLAGS_DRV_MODE
    try:
        return libbpf.call("bpf_link_create", program, interface, libbpf.BPF_XDP, ctypes.byref(options))
    except KernelError as error:
        raise AttachError(_explain(error, port, interface, generic)) from error


def _update(link: int, program: int) -> None:
    options = libbpf.LinkUpdateOptions()
    options.sz = ctypes.sizeof(options)
    libbpf.call("bpf_link_update", link, program, ctypes.byref(options))


def _explain(error: KernelError, port: int, interface: int, generic: bool) -> str:
    at = f"port {port}, interface {interface}"
    mode = "generic" if generic else "native"
    if error.errno == errno.EBUSY:
        return f"{at}: another XDP program runs there: remove it (`ip link set dev NAME xdp off`) first"
    if error.errno == errno.EOPNOTSUPP:
        return f"{at}: its driver has no {mode} XDP" + ("" if generic else ": ask for generic XDP (slower)")
    if error.errno in (errno.EINVAL, errno.ERANGE) and not generic:
        return (
            f"{at}: its driver refuses native XDP as it is set up ({error}): usually the MTU is too large "
            f"(about 3,500 bytes at most) or LRO is on"
        )
    if error.errno == errno.EPERM:
        return f"{at}: not permitted: CAP_NET_ADMIN and CAP_BPF are needed"
    if error.errno == errno.ENODEV:
        return f"{at}: no such interface in this network namespace"
    return f"{at}: {mode} XDP cannot be attached: {error}"
