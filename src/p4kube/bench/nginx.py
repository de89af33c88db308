"""nginx as the pods' server, as in the paper: it answers with the pod's name, or with a body of some size."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from p4kube.bench.manifests import Server
from p4kube.lab import LabError

_PORT = 8080


def configuration(folder: Path) -> str:
    """`/name` names the pod; `/body` is a file of `folder`. All pods share the folder and this text."""
    return f"""daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {folder}/client;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {_PORT} backlog=4096;
    default_type text/plain;
    location = /name {{ return 200 "$hostname\\n"; }}
    location = /body {{ alias {folder}/body; }}
  }}
}}
"""


@contextmanager
def server(body: int | None) -> Iterator[Server]:
    """Pods that answer with `body` bytes, or with their name if None, as long as the block runs.

    Raises LabError if nginx is not installed.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise LabError("this measurement's pods run nginx, which is not installed (Debian: nginx-light)")
    with TemporaryDirectory(prefix="p4kube-nginx-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "nginx.conf").write_text(configuration(folder))
        (folder / "body").write_bytes(b"x" * (body or 0))
        command = [program, "-e", "stderr", "-c", str(folder / "nginx.conf")]
        path = "/name" if body is None else "/body"
        yield Server({"image": "nginx", "command": command}, _PORT, path)
