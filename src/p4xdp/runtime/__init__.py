"""Programs in the kernel: load, pin, attach, fill and measure them, through libbpf."""

from p4xdp.runtime.codec import TableEntry
from p4xdp.runtime.elf import ObjectError, read_manifest
from p4xdp.runtime.libbpf import KernelError
from p4xdp.runtime.loading import LoadError
from p4xdp.runtime.switch import AttachError, Switch, open_switch
from p4xdp.runtime.tables import KernelTables
from p4xdp.runtime.testdevice import TestDevice, open_device

__all__ = [
    "AttachError",
    "KernelError",
    "KernelTables",
    "LoadError",
    "ObjectError",
    "Switch",
    "TableEntry",
    "TestDevice",
    "open_device",
    "open_switch",
    "read_manifest",
]
