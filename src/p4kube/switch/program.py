"""The data plane in the kernel: loaded or taken over, looked at, removed. It stays pinned below `pinPath`."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from p4kube.switch.compilation import compiled
from p4kube.switch.config import Config
from p4kube.switch.errors import SwitchError
from p4xdp.runtime import KernelError, LoadError, ObjectError, Switch, libbpf, open_switch
from p4xdp.runtime.pins import PinDirectory

# Folders of pins that `p4xdp.runtime.switch` makes.
_LIVE, _LINKS = "live", "links"


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
    return (config.pin_path / _LIVE).exists()


@contextmanager
def viewed(config: Config) -> Iterator[Switch]:
    """What is pinned, to be read for the time of a `with` block.

    Use `attached` below instead of the switch's own, which clears away what is gone: that is the agent's
    business. Raises SwitchError if the pins are of another layout than the program in the configuration.
    """
    with opened(config) as switch:
        if switch.fresh:
            raise SwitchError(
                f"{config.pin_path}: another program runs there than the configuration asks for: "
                f"restart the agent to change to it"
            )
        yield switch


def attached(config: Config) -> dict[int, int]:
    """Ports in service: number -> interface index. Raises SwitchError."""
    found: dict[int, int] = {}
    with _explained():
        links = PinDirectory(config.pin_path / _LINKS)
        for name in links.names():
            link = links.open(name)
            if link is not None:
                found[int(name)] = libbpf.link_info(link).ifindex
                os.close(link)
    return {port: interface for port, interface in found.items() if interface}


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


def interfaces() -> dict[str, int]:
    """Interfaces of this network namespace: name -> index."""
    return {name: index for index, name in socket.if_nameindex()}


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (LoadError, ObjectError, KernelError) as error:
        raise SwitchError(str(error)) from error
