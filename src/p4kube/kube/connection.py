"""Which API server, and who we are: from a kubeconfig file or from a pod's service account."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from p4kube.kube.clock import Clock
from p4kube.kube.errors import ConfigError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_REREAD_SECONDS = 60.0


@dataclass(frozen=True)
class Connection:
    """Everything a transport needs.

    `server` is the base URL without a trailing slash, `token` returns the bearer token of the moment or
    None, `ssl` is None for plain HTTP, `server_name` overrides the name that the certificate must carry,
    `namespace` is that of the context or of the pod.
    """

    server: str
    ssl: ssl.SSLContext | None = None
    server_name: str | None = None
    token: Callable[[], str | None] = lambda: None
    namespace: str = "default"


class TokenFile:
    """A bearer token in a file that somebody else renews; read again once a minute.

    Projected service account tokens are replaced at 80 % of their life (at least 8 of 10 minutes), so a
    minute-old copy is always valid. If a later read fails, the last good token is used.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._token = self._read()
        self._read_at = clock.monotonic()

    def _read(self) -> str:
        try:
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self._path}: cannot read the bearer token: {error}") from error
        if not token:
            raise ConfigError(f"{self._path}: the bearer token file is empty")
        return token

    def __call__(self) -> str:
        if self._clock.monotonic() - self._read_at >= TOKEN_REREAD_SECONDS:
            self._read_at = self._clock.monotonic()
            try:
                self._token = self._read()
            except ConfigError:
                return self._token
        return self._token


def in_cluster(
    clock: Clock, root: Path = SERVICE_ACCOUNT, environ: dict[str, str] | None = None
) -> Connection:
    """The API server as a pod sees it. Raises ConfigError if this is not a pod."""
    variables = os.environ if environ is None else environ
    host, port = variables.get("KUBERNETES_SERVICE_HOST"), variables.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise ConfigError(
            "no API server given: pass --kubeconfig or set KUBECONFIG "
            "(KUBERNETES_SERVICE_HOST is not set, so this is not a pod with a service account)"
        )
    authority = root / "ca.crt"
    try:
        context = ssl.create_default_context(cafile=str(authority))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{authority}: cannot read the cluster's certificate authority: {error}") from error
    namespace_file = root / "namespace"
    namespace = namespace_file.read_text().strip() if namespace_file.exists() else "default"
    url_host = f"[{host}]" if ":" in host else host
    return Connection(
        f"https://{url_host}:{port}", context, None, TokenFile(root / "token", clock), namespace
    )
