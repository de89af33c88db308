"""libbpf (1.x) through ctypes: the calls used here, typed, with errors raised as KernelError.

Source: libbpf's bpf.h and libbpf.h, include/uapi/linux/bpf.h. File descriptors that a call returns belong to
the caller.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from ctypes.util import find_library
from functools import cache

BPF_ANY, BPF_NOEXIST, BPF_EXIST = 0, 1, 2
BPF_XDP = 37
XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE = 1 << 1, 1 << 2

XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT = range(5)


class KernelError(OSError):
    """A refused BPF call: errno, what was tried, and what to do where that is known."""


class TestRunOptions(ctypes.Structure):
    """struct bpf_test_run_opts."""

    _fields_ = (
        ("sz", c_size_t), ("data_in", c_void_p), ("data_out", c_void_p), ("data_size_in", c_uint32),
        ("data_size_out", c_uint32), ("ctx_in", c_void_p), ("ctx_out", c_void_p), ("ctx_size_in", c_uint32),
        ("ctx_size_out", c_uint32), ("retval", c_uint32), ("repeat", c_int), ("duration", c_uint32),
        ("flags", c_uint32), ("cpu", c_uint32), ("batch_size", c_uint32),
    )  # fmt: skip


class LinkCreateOptions(ctypes.Structure):
    """struct bpf_link_create_opts, its common head."""

    _fields_ = (("sz", c_size_t), ("flags", c_uint32), ("pad", c_uint32), ("rest", c_uint64 * 6))


class LinkUpdateOptions(ctypes.Structure):
    """struct bpf_link_update_opts."""

    _fields_ = (("sz", c_size_t), ("flags", c_uint32), ("old_prog_fd", c_uint32))


class MapInfo(ctypes.Structure):
    """struct bpf_map_info, its head."""

    _fields_ = (
        ("type", c_uint32), ("id", c_uint32), ("key_size", c_uint32), ("value_size", c_uint32),
        ("max_entries", c_uint32), ("map_flags", c_uint32), ("name", ctypes.c_char * 16),
    )  # fmt: skip


class LinkInfo(ctypes.Structure):
    """struct bpf_link_info for an XDP link."""

    _fields_ = (
        ("type", c_uint32), ("id", c_uint32), ("prog_id", c_uint32), ("pad", c_uint32), ("ifindex", c_uint32),
        ("rest", c_uint32 * 15),
    )  # fmt: skip


PrintFunction = ctypes.CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)

_SIGNATURES: dict[str, tuple[type | None, tuple[object, ...]]] = {
    "bpf_object__open_mem": (c_void_p, (c_char_p, c_size_t, c_void_p)),
    "bpf_object__load": (c_int, (c_void_p,)),
    "bpf_object__close": (None, (c_void_p,)),
    "bpf_object__find_program_by_name": (c_void_p, (c_void_p, c_char_p)),
    "bpf_object__find_map_by_name": (c_void_p, (c_void_p, c_char_p)),
    "bpf_object__next_map": (c_void_p, (c_void_p, c_void_p)),
    "bpf_program__fd": (c_int, (c_void_p,)),
    "bpf_program__set_log_buf": (c_int, (c_void_p, c_char_p, c_size_t)),
    "bpf_program__set_log_level": (c_int, (c_void_p, c_uint32)),
    "bpf_program__insn_cnt": (c_size_t, (c_void_p,)),
    "bpf_map__fd": (c_int, (c_void_p,)),
    "bpf_map__name": (c_char_p, (c_void_p,)),
    "bpf_map__reuse_fd": (c_int, (c_void_p, c_int)),
    "bpf_map_lookup_elem": (c_int, (c_int, c_void_p, c_void_p)),
    "bpf_map_update_elem": (c_int, (c_int, c_void_p, c_void_p, c_uint64)),
    "bpf_map_delete_elem": (c_int, (c_int, c_void_p)),
    "bpf_map_get_next_key": (c_int, (c_int, c_void_p, c_void_p)),
    "bpf_obj_pin": (c_int, (c_int, c_char_p)),
    "bpf_obj_get": (c_int, (c_char_p,)),
    "bpf_obj_get_info_by_fd": (c_int, (c_int, c_void_p, POINTER(c_uint32))),
    "bpf_link_create": (c_int, (c_int, c_int, c_int, POINTER(LinkCreateOptions))),
    "bpf_link_update": (c_int, (c_int, c_int, POINTER(LinkUpdateOptions))),
    "bpf_link_detach": (c_int, (c_int,)),
    "bpf_prog_test_run_opts": (c_int, (c_int, POINTER(TestRunOptions))),
    "libbpf_num_possible_cpus": (c_int, ()),
    "libbpf_set_print": (c_void_p, (c_void_p,)),
}  # fmt: skip


@cache
def library() -> ctypes.CDLL:
    """The loaded library with its signatures. Raises KernelError if it is not installed or too old."""
    name = find_library("bpf") or "libbpf.so.1"
    try:
        loaded = ctypes.CDLL(name, use_errno=True)
        for function, (result, arguments) in _SIGNATURES.items():
            entry = getattr(loaded, function)
            entry.restype, entry.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise KernelError(f"libbpf 1.0 or later is needed (Debian: libbpf1): {error}") from error
    loaded.libbpf_set_print(None)
    return loaded


def call(function: str, *arguments: object) -> int:
    """Calls an int function. Raises KernelError with the kernel's errno."""
    entry: Callable[..., int] = getattr(library(), function)
    result = entry(*arguments)
    if result < 0:
        number = -result if result < -1 else ctypes.get_errno() or 1
        raise KernelError(number, f"{function}: {os.strerror(number)}")
    return result


def pointer(function: str, *arguments: object) -> int:
    """Calls a function that returns a pointer. Raises KernelError if that is null."""
    entry: Callable[..., int | None] = getattr(library(), function)
    result = entry(*arguments)
    if not result:
        number = ctypes.get_errno() or 1
        raise KernelError(number, f"{function}: {os.strerror(number)}")
    return result


def possible_cpus() -> int:
    return call("libbpf_num_possible_cpus")


def map_info(fd: int) -> MapInfo:
    info = MapInfo()
    size = c_uint32(ctypes.sizeof(info))
    call("bpf_obj_get_info_by_fd", fd, ctypes.byref(info), ctypes.byref(size))
    return info


def link_info(fd: int) -> LinkInfo:
    info = LinkInfo()
    size = c_uint32(ctypes.sizeof(info))
    call("bpf_obj_get_info_by_fd", fd, ctypes.byref(info), ctypes.byref(size))
    return info
