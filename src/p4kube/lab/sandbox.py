"""A container's surroundings: its pod's network, its own host name, a root file system to throw away.

The root is this machine's, seen through an overlay: a container finds every program that is installed
here, and what it writes is gone with it. Volumes are bound over it. All mounts live in a mount namespace
of the container's own, so they end with its last process.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from p4kube.lab import netns

# $1 host name, $2 folder to mount on, $3 program to show as /agnhost, $4 working directory, $5 contents of
# /etc/hosts, then source, target and mode (ro or rw) for each volume up to a "--", then the command.
# Shell built-ins where there is one: many pods start at once, and each fork costs. Links in a target, such
# as /var/run, are followed inside the root: outside they would lead to this machine's own folders.
# The last step replaces the shell, so the pid stays that of the program.
_BUILD = r"""
set -e
printf %s "$1" > /proc/sys/kernel/hostname
base=$2; root=$2/root; agnhost=$3; directory=$4; hosts=$5; shift 5
mount -t tmpfs -o mode=0755 container "$base"
mkdir "$base/upper" "$base/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" container "$root"
for each in proc dev sys; do mount --rbind "/$each" "$root/$each"; done
ln -sfn "$agnhost" "$root/agnhost"
printf %s "$hosts" > "$root/etc/hosts"
while [ "$1" != -- ]; do
  target=$root$(exec chroot "$root" readlink -m -- "$2")
  if [ -d "$1" ]; then mkdir -p "$target"; else mkdir -p "${target%/*}"; : > "$target"; fi
  mount --rbind "$1" "$target"
  if [ "$3" = ro ]; then mount -o remount,bind,ro "$target"; fi
  shift 3
done
shift
if [ "$directory" != / ]; then chroot "$root" mkdir -p -- "$directory"; fi
exec chroot "$root" sh -c 'cd "$1" && shift && exec "$@"' sh "$directory" "$@"
"""


class Mount(msgspec.Struct, frozen=True):
    """A volume in a container: a file or folder of this machine, and where the container sees it."""

    source: Path
    target: str
    read_only: bool = False


class Sandbox(msgspec.Struct, frozen=True):
    """What surrounds one container. `folder` is its own on this machine; `agnhost` the built program."""

    namespace: str
    hostname: str
    address: str
    folder: Path
    agnhost: Path
    directory: str = "/"
    mounts: tuple[Mount, ...] = ()

    def start_argv(self, argv: Sequence[str]) -> list[str]:
        """The command line that builds the sandbox and runs `argv` in it."""
        hosts = f"127.0.0.1 localhost\n::1 localhost\n{self.address} {self.hostname}\n"
        volumes: list[str] = []
        for mount in self.mounts:
            volumes += [str(mount.source), mount.target, "ro" if mount.read_only else "rw"]
        return [
            *("nsenter", f"--net={netns.path_of(self.namespace)}", "--"),
            *("unshare", "--uts", "--mount", "--", "sh", "-c", _BUILD, "sandbox"),
            *(self.hostname, str(self.root), str(self.agnhost), self.directory, hosts),
            *(*volumes, "--", *argv),
        ]

    @property
    def root(self) -> Path:
        """The folder that the container's file system is mounted on, inside its mount namespace."""
        return self.folder / "root"


def enter_argv(pid: int, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` beside a container's process, in the same surroundings."""
    spaces = ("--net", "--uts", "--mount", "--root", "--wd")
    return ["nsenter", f"--target={pid}", *spaces, "--", *argv]
