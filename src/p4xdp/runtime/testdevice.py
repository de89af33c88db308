"""A device for tests: packets go through the kernel's BPF_PROG_TEST_RUN, no interface is involved."""

from __future__ import annotations

import ctypes
from pathlib import Path

from p4xdp.device import CPU_PORT, DROP_PORT, DeviceError, OutputPacket
from p4xdp.runtime import libbpf
from p4xdp.runtime.loading import Loaded, LoadError, load
from p4xdp.runtime.tables import KernelTables

SHORTEST, LONGEST = 14, 3400
_HEADROOM = 256


class TestDevice(KernelTables):
    """A program compiled in mode "test", loaded. Use it as a context manager, or close it."""

    __test__ = False

    def __init__(self, loaded: Loaded) -> None:
        if loaded.manifest.mode == "switch":
            loaded.close()
            raise LoadError("the object is made for a switch: compile it with mode 'test' to test it")
        super().__init__(loaded)
        self._loaded = loaded

    @property
    def program(self) -> int:
        """The program's file descriptor."""
        return self._loaded.program

    @property
    def instructions(self) -> int:
        return self._loaded.instructions

    def __enter__(self) -> TestDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        super().close()
        self._loaded.close()

    def set_time(self, microseconds: int) -> None:
        self.memory.write(self.manifest.hook_offset, 8, microseconds)

    def send(self, port: int, data: bytes) -> list[OutputPacket]:
        """Raises DeviceError for a frame that the kernel does not take: it wants 14 to 3400 bytes."""
        if not SHORTEST <= len(data) <= LONGEST:
            raise DeviceError(f"XDP sees frames of {SHORTEST} to {LONGEST} bytes here, not {len(data)}")
        hook = self.manifest.hook_offset
        self.memory.write(hook + 8, 4, port)
        self.memory.write(hook + 12, 4, DROP_PORT)
        verdict, output, _ = run(self._loaded.program, data)
        if verdict == libbpf.XDP_PASS:
            return [OutputPacket(CPU_PORT, output)]
        if verdict == libbpf.XDP_TX:
            return [OutputPacket(self.memory.read(hook + 12, 4), output)]
        return []


def run(program: int, data: bytes, repeat: int = 1) -> tuple[int, bytes, int]:
    """Verdict, packet afterwards, and nanoseconds a run, of `repeat` runs, each on the output of the last."""
    options = libbpf.TestRunOptions()
    options.sz = ctypes.sizeof(options)
    source = ctypes.create_string_buffer(data, len(data))
    output = ctypes.create_string_buffer(len(data) + _HEADROOM)
    options.data_in, options.data_size_in = ctypes.addressof(source), len(data)
    options.data_out, options.data_size_out = ctypes.addressof(output), len(output)
    options.repeat = repeat
    libbpf.call("bpf_prog_test_run_opts", program, ctypes.byref(options))
    return options.retval, output.raw[: options.data_size_out], options.duration


def open_device(path: Path) -> TestDevice:
    """Loads the object at `path`, compiled in mode "test". Raises ObjectError, LoadError."""
    return TestDevice(load(path))
