"""Removing a lab, or what is left of one: processes, namespaces, BPF pins, mounts, files.

Nothing here needs the record of a complete `up`; every step works on what it finds.
"""

from __future__ import annotations

import ctypes
import shutil

from p4kube.lab import layout, netns, process
from p4kube.lab.state import BPF_FOLDER, PIN_FOLDER, Files
from p4kube.switch.lock import RUN_FOLDER, lock_path

# Those that have something to give back when asked politely; the rest hold nothing that outlives the lab.
_POLITE = ("switch-agent", "controller", "relay")
_PATIENCE_SECONDS = 1.5


def remains(files: Files) -> list[str]:
    """What of a lab exists on this machine, in words; empty if there is nothing."""
    found = [f"namespace {name}" for name in netns.names(layout.PREFIX)]
    found += [
        f"process {each.name} ({each.pid})" for each in process.read_all(files.components) if _lives(each)
    ]
    if PIN_FOLDER.exists():
        found.append(f"BPF pins in {PIN_FOLDER}")
    if files.folder.exists():
        found.append(f"files in {files.folder}")
    return found


def _lives(recorded: process.Process) -> bool:
    return process.alive(recorded)


def remove_all(files: Files) -> None:
    """End and remove everything of a lab. Safe to repeat."""
    record = files.read_record()
    recorded = process.read_all(files.components)
    process.end([each for each in recorded if each.name in _POLITE], _PATIENCE_SECONDS)
    process.end(recorded, 0.0)
    # Twice: a process that was being started while we looked may have entered a namespace since.
    for _ in range(2):
        namespaces = netns.names(layout.PREFIX)
        process.kill_inhabitants(namespaces)
    for namespace in namespaces:
        netns.destroy(namespace)
    remove_pins()
    _remove_agent_lock()
    if record is not None and record.mounted_bpf:
        unmount_bpf()
    files.remove()


def remove_pins() -> None:
    """Remove P4Kube's pinned BPF objects; programs and maps go when nothing else holds them."""
    shutil.rmtree(PIN_FOLDER, ignore_errors=True)
    if PIN_FOLDER.parent.is_dir() and not any(PIN_FOLDER.parent.iterdir()):
        PIN_FOLDER.parent.rmdir()


def _remove_agent_lock() -> None:
    """The switch agent leaves its lock file behind; its folder goes with the last one."""
    lock_path(PIN_FOLDER).unlink(missing_ok=True)
    if RUN_FOLDER.is_dir() and not any(RUN_FOLDER.iterdir()):
        RUN_FOLDER.rmdir()


def unmount_bpf() -> None:
    """Unmount the BPF file system that the lab mounted, unless others pinned something there since."""
    if not BPF_FOLDER.is_mount():
        return
    # The kernel puts maps.debug and progs.debug into the first such file system itself.
    if all(entry.name.endswith(".debug") for entry in BPF_FOLDER.iterdir()):
        ctypes.CDLL(None).umount2(str(BPF_FOLDER).encode(), 0)
