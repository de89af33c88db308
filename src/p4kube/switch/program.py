"""The data plane in the kernel: loaded or taken over, looked at, removed. It stays pinned below `pinPath`."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from p4kube.switch.compilation import compiled
from p4kube.switch.config import Config
from p4kube.switch.errors import SwitchError
from p4xdp.runtime import KernelError, KernelTables, LoadError, ObjectError, Switch, libbpf, open_switch
from p4xdp.runtime.elf import read_manifest
from p4xdp.runtime.loading import STATE_MAP, Loaded
from p4xdp.runtime.memory import StateMemory
from p4xdp.runtime.pins import PinDirectory

# Names of pins, as `p4xdp.runtime.switch` gives them.
_PROGRAM, _MAPS, _LINKS, _STATE = "program", "maps", "links", "state"


@contextmanager
def opened(config: Config) -> Iterator[Switch]:
    """The data plane for the time of a `with` block; what is pinned is taken over. Raises SwitchError."""
    path = compiled(config)
    with _explained():
        switch = open_switch(path, config.pin_path)
    try:
        yield switch
    finally:
        switch.close()


def pinned(config: Config) -> bool:
    return (config.pin_path / _PROGRAM).exists()


def remove(config: Config) -> bool:
    """Detaches all ports and removes all pins, whatever program they are of; False if there are none."""
    if not config.pin_path.exists():
        return False
    with _explained():
        directory = PinDirectory(config.pin_path)
        links = directory.folder(_LINKS)
        for name in links.names():
            link = links.open(name)
            if link is not None:
                with suppress(KernelError):  # the interface is gone
                    libbpf.call("bpf_link_detach", link)
                os.close(link)
        directory.remove_all()
    return True


class View(KernelTables):
    """Reads what is pinned, and changes nothing."""

    def __init__(self, loaded: Loaded, links: PinDirectory) -> None:
        super().__init__(loaded, fresh=False)
        self._loaded, self._links = loaded, links

    def close(self) -> None:
        super().close()
        self._loaded.close()

    def attached(self) -> dict[int, int]:
        """Ports in service: number -> interface index."""
        found = {}
        for name in self._links.names():
            link = self._links.open(name)
            if link is not None:
                found[int(name)] = libbpf.link_info(link).ifindex
                os.close(link)
        return {port: interface for port, interface in found.items() if interface}


@contextmanager
def viewed(config: Config) -> Iterator[View]:
    """What is pinned, for the time of a `with` block. Raises SwitchError if it is of another layout."""
    path = compiled(config)
    with _explained():
        view = View(_pinned_program(config, path), PinDirectory(config.pin_path / _LINKS))
    try:
        yield view
    finally:
        view.close()


def _pinned_program(config: Config, path: Path) -> Loaded:
    """The maps and the program that are pinned, seen with the manifest of the object at `path`."""
    manifest = read_manifest(path)
    directory = PinDirectory(config.pin_path)
    program = directory.open(_PROGRAM)
    folder = directory.folder(_MAPS)
    opened_maps = {name: folder.open(name) for name in folder.names()}
    maps = {STATE_MAP if name == _STATE else name: fd for name, fd in opened_maps.items() if fd is not None}
    if program is None or STATE_MAP not in maps:
        raise LoadError(f"{config.pin_path}: holds only parts of a data plane: start the agent again")
    loaded = Loaded(manifest, program, maps, 0)
    if _layout(maps[STATE_MAP], manifest.state_size) != manifest.layout:
        loaded.close()
        raise LoadError(
            f"{config.pin_path}: the data plane there is of another version than {path}: restart the agent"
        )
    return loaded


def _layout(state: int, size: int) -> str:
    """The layout (hexadecimal) that the state memory was made for; empty if it has another size."""
    if libbpf.map_info(state).value_size != size:
        return ""
    memory = StateMemory(state, size)
    try:
        return memory.get(0, 32).hex()
    finally:
        memory.close()


def interfaces() -> dict[str, int]:
    """Interfaces of this network namespace: name -> index."""
    return {name: index for index, name in socket.if_nameindex()}


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (LoadError, ObjectError, KernelError) as error:
        raise SwitchError(str(error)) from error
