"""The controller's configuration file (YAML)."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

import msgspec


class ConfigError(Exception):
    """The configuration cannot be used; the message names file and field."""


class _Strict(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """A field that is not known is a mistake of the author, not something to pass over."""


class Switch(_Strict, frozen=True):
    """One switch: its own IPv4 `address`, the UDP `port` for updates, the file with the update keys.

    A relative `keys_file` is relative to the configuration file.
    """

    name: str
    address: str
    keys_file: str
    port: int = 7777

    @property
    def ip(self) -> IPv4Address:
        return IPv4Address(self.address)


class ControllerConfig(_Strict, frozen=True):
    """`metrics` is host:port, empty for none; `transition_seconds` is how long the flows of a slot that
    moved are kept apart."""

    switches: tuple[Switch, ...] = ()
    load_balancer_class: str = "p4kube.dev/p4kube"
    metrics: str = "127.0.0.1:9428"
    transition_seconds: float = 900

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """(host, port); None for no metrics."""
        host, _, port = self.metrics.rpartition(":")
        return (host.strip("[]"), int(port)) if self.metrics else None


def load_config(path: Path) -> ControllerConfig:
    """Read and check; raises ConfigError for the first thing wrong."""
    try:
        config = msgspec.yaml.decode(path.read_bytes(), type=ControllerConfig)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: {_readable(str(error))}") from error
    _check(path, config)
    folder = path.resolve().parent
    switches = tuple(
        msgspec.structs.replace(switch, keys_file=str(folder / switch.keys_file))
        for switch in config.switches
    )
    return msgspec.structs.replace(config, switches=switches)


def _readable(message: str) -> str:
    """msgspec's "… - at `$.switches[0].port`" with the field in front."""
    text, at, place = message.partition(" - at `$")
    return f"{place.strip('`').lstrip('.')}: {text}" if at else text


def _check(path: Path, config: ControllerConfig) -> None:
    names: set[str] = set()
    for index, switch in enumerate(config.switches):
        field = f"{path}: switches[{index}]"
        if not switch.name or switch.name in names:
            raise ConfigError(f"{field}.name: {switch.name!r}: every switch needs a name of its own")
        names.add(switch.name)
        try:
            IPv4Address(switch.address)
        except AddressValueError as error:
            raise ConfigError(f"{field}.address: expected an IPv4 address, got {switch.address!r}") from error
        if not 0 < switch.port < 65536:
            raise ConfigError(f"{field}.port: {switch.port} is not a UDP port")
        if not switch.keys_file:
            raise ConfigError(f"{field}.keysFile: name the file with the update keys")
    if not config.load_balancer_class:
        raise ConfigError(f"{path}: loadBalancerClass: must not be empty")
    if config.transition_seconds <= 0:
        raise ConfigError(f"{path}: transitionSeconds: must be more than 0")
    try:
        _ = config.metrics_address
    except ValueError as error:
        raise ConfigError(f"{path}: metrics: expected host:port, got {config.metrics!r}") from error
