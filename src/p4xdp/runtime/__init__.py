"""Programs in the kernel: load, pin, attach, fill and measure them, through libbpf."""

from p4xdp.runtime.elf import ObjectError, read_manifest
from p4xdp.runtime.loading import LoadError
from p4xdp.runtime.testdevice import TestDevice, open_device

__all__ = ["LoadError", "ObjectError", "TestDevice", "open_device", "read_manifest"]
