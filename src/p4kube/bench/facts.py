"""What a figure depends on besides the code: versions and the machine. No names, no paths."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import msgspec

from p4kube.lab.binaries import KUBERNETES_VERSION


class Facts(msgspec.Struct, frozen=True, rename="camel"):
    """`memory` in GiB; `versions` by program, those that are not installed left out."""

    cores: int
    processor: str
    memory: float
    kernel: str
    versions: dict[str, str]


_PROGRAMS: dict[str, Sequence[str]] = {
    "ab": ("ab", "-V"),
    "nginx": ("nginx", "-v"),
    "nft": ("nft", "--version"),
    "ip": ("ip", "-V"),
}


def gather() -> Facts:
    versions = {"kubernetes": KUBERNETES_VERSION, "python": platform.python_version()}
    versions["p4kube"] = metadata.version("p4kube")
    for name, command in _PROGRAMS.items():
        found = version_in(_output(command))
        if found:
            versions[name] = found
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Facts(
        cores=os.cpu_count() or 1,
        processor=_processor(),
        memory=round(pages / 2**30, 1),
        kernel=platform.release(),
        versions=versions,
    )


def version_in(text: str) -> str:
    """The first thing in a program's words that looks like a version; "" if nothing does."""
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else ""


def _output(command: Sequence[str]) -> str:
    program = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin:/sbin")
    if program is None:
        return ""
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()
