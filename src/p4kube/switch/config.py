"""The agent's configuration file. docs/switch.md describes it field by field."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
import yaml

from p4kube.switch.errors import ConfigError

_S = TypeVar("_S", bound=msgspec.Struct)

PortNumber = Annotated[int, msgspec.Meta(ge=0, le=509)]
TransportPort = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Name = Annotated[str, msgspec.Meta(min_length=1)]
# IFNAMSIZ of the kernel, and what it refuses in a name.
_Interface = Annotated[str, msgspec.Meta(pattern=r"^[^/:\s]{1,15}$")]


class Port(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`number` is the port in the P4 program: 0 to 509 (510 is the switch's kernel, 511 is the drop)."""

    interface: _Interface
    number: PortNumber


class Endpoint(msgspec.Struct, frozen=True):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """`metrics` is host:port, empty for none; `program` None is the one that comes with this package."""

    name: _Name
    ports: Annotated[tuple[Port, ...], msgspec.Meta(min_length=1)]
    update_address: IPv4Address
    keys_file: Path
    pin_path: Path
    mode: Literal["native", "generic"] = "native"
    update_port: TransportPort = 7777
    metrics: str = ""
    program: Path | None = None

    @property
    def metrics_endpoint(self) -> Endpoint | None:
        return _endpoint(self.metrics) if self.metrics else None


def load(path: Path) -> Config:
    """The configuration in a YAML file; relative paths in it are relative to the file.

    Raises ConfigError, which names the file and the field.
    """
    config = read_struct(path, Config)
    try:
        _check(config)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    program = None if config.program is None else path.parent / config.program
    return msgspec.structs.replace(config, keys_file=path.parent / config.keys_file, program=program)


def read_struct(path: Path, kind: type[_S]) -> _S:
    """A struct from a YAML file. Raises ConfigError."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    try:
        # Scalars stay text until the field's type is known: a key of 32 digits must not become a number.
        document = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from None
    try:
        return msgspec.convert(document, kind, strict=False, dec_hook=_from_text)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_field_first(str(error))}") from None


def _from_text(kind: type, value: object) -> object:
    """For fields of types that msgspec leaves to us: IPv4Address and Path."""
    return kind(value)


def _field_first(message: str) -> str:
    """msgspec says where at the end, in the notation of JSONPath: `… - at `$.ports[0].number``."""
    text, found, place = message.rpartition(" - at `")
    return f"{place.strip('`').removeprefix('$').removeprefix('.')}: {text}" if found else message


def _check(config: Config) -> None:
    for field, values in (
        ("interface", [port.interface for port in config.ports]),
        ("number", [port.number for port in config.ports]),
    ):
        for value, times in Counter(values).items():
            if times > 1:
                raise ValueError(f"ports: two have the {field} {value}")
    if not config.pin_path.is_absolute():
        raise ValueError(f"pinPath: {config.pin_path} is not an absolute path")
    if config.metrics:
        _endpoint(config.metrics)


def _endpoint(text: str) -> Endpoint:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"metrics: '{text}' is not an address and a port, such as 127.0.0.1:9427")
    return Endpoint(host.strip("[]"), int(port))
