"""Which local program stands for which container image.

The lab pulls no images. An image's name picks an entry here; the entry turns the container's command and
arguments into a command line for this machine.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec


class Program(msgspec.Struct, frozen=True):
    """What to execute, and files to write into the container's folder before (name -> text)."""

    argv: list[str]
    files: dict[str, str] = {}


class UnknownImage(Exception):
    """The image stands for no local program; the text goes into the container's waiting message."""


# Images that are just a system with a shell: their command runs with this machine's programs.
_SYSTEMS = ("busybox", "alpine", "debian", "ubuntu", "python", "iperf3", "netshoot", "curl")
# The `p4kube` command of this very installation, whatever PATH says.
P4KUBE = [sys.executable, "-c", "from p4kube.cli import main; main()"]
_PAUSE = ["sleep", "infinity"]


def base_name(image: str) -> str:
    """The last part of an image's name, without tag or digest: ``a.b/c/nginx:1.27@sha256:..`` is nginx."""
    return image.split("@", 1)[0].rsplit("/", 1)[-1].split(":", 1)[0]


def resolve(image: str, command: list[str], args: list[str], folder: Path) -> Program:
    """The program for a container, as its sandbox sees it. Raises `UnknownImage`.

    `folder` is the container's own folder on this machine.
    """
    name = base_name(image)
    if "agnhost" in name:
        return Program([*command, *args] if command else ["/agnhost", *(args or ["pause"])])
    if name == "p4kube":
        return Program([*(command or P4KUBE), *args])
    if command:
        if name == "pause" or name == "nginx" or any(system in name for system in _SYSTEMS):
            return Program([*command, *args])
    elif name == "pause":
        return Program(_PAUSE)
    elif name == "nginx":
        return _nginx(folder)
    elif any(system in name for system in _SYSTEMS):
        return Program([*args]) if args else Program(_PAUSE)
    known = ", ".join(("agnhost", "pause", "nginx", "p4kube", *_SYSTEMS))
    raise UnknownImage(f"the lab runs local programs, and has none for image '{image}'; it knows: {known}")


def _nginx(folder: Path) -> Program:
    """nginx as its image configures it: port 80, one welcome page; one worker, since all pods share cores."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise UnknownImage("image 'nginx' needs the program nginx on this machine, which is not installed")
    configuration = f"""daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 80 backlog=4096;
    default_type text/plain;
    location / {{ return 200 "$hostname\\n"; }}
  }}
}}
"""
    argv = [found, "-e", "stderr", "-c", str(folder / "nginx.conf")]
    return Program(argv, {"nginx.conf": configuration})
