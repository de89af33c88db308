"""A container's environment variables and command, with the references in them resolved."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Address

import msgspec

from p4kube.lab import layout
from p4kube.lab.api import ApiClient, ApiError
from p4kube.lab.podspec import Container, EnvVar, KeySelector, Pod

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.\-][A-Za-z0-9_.\-]*)\)")
_MAP_KEY = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class MissingReference(Exception):
    """A variable refers to something that does not exist; shown as CreateContainerConfigError."""


class _Data(msgspec.Struct):
    data: dict[str, str] = {}


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace $(NAME) by the variable's value; $$ is a dollar, an unknown name stays as written.

    Source: core/v1 Container, field command.
    """

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        return "$" if name is None else variables.get(name, match.group(0))

    return _REFERENCE.sub(replace, text)


def field_value(pod: Pod, path: str, host: IPv4Address, address: IPv4Address) -> str:
    """Value of a downward API field. Raises `MissingReference` for a path that pods do not have."""
    keyed = _MAP_KEY.fullmatch(path)
    if keyed is not None:
        labels, annotations = pod.metadata.labels, pod.metadata.annotations
        return (labels if keyed[1] == "labels" else annotations).get(keyed[2], "")
    values = {
        "metadata.name": pod.metadata.name,
        "metadata.namespace": pod.metadata.namespace,
        "metadata.uid": pod.metadata.uid,
        "spec.nodeName": pod.spec.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.hostIP": str(host),
        "status.hostIPs": str(host),
        "status.podIP": str(address),
        "status.podIPs": str(address),
    }
    if path not in values:
        raise MissingReference(f"field '{path}' is not available as an environment variable")
    return values[path]


async def build(
    pod: Pod, container: Container, host: IPv4Address, address: IPv4Address, api: ApiClient
) -> dict[str, str]:
    """All variables of a container. Raises `MissingReference`."""
    variables = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "HOME": "/root",
        "HOSTNAME": pod.spec.hostname or pod.metadata.name,
        "KUBERNETES_SERVICE_HOST": str(layout.API_CLUSTER_IP),
        "KUBERNETES_SERVICE_PORT": "443",
    }
    for variable in container.env:
        variables[variable.name] = await _value(variable, variables, pod, host, address, api)
    return variables


async def _value(
    variable: EnvVar,
    known: Mapping[str, str],
    pod: Pod,
    host: IPv4Address,
    address: IPv4Address,
    api: ApiClient,
) -> str:
    source = variable.value_from
    if source is None:
        return expand(variable.value, known)
    if source.field_ref is not None:
        return field_value(pod, source.field_ref.field_path, host, address)
    if source.config_map_key_ref is not None:
        return await _lookup(pod, "configmaps", source.config_map_key_ref, api)
    if source.secret_key_ref is not None:
        encoded = await _lookup(pod, "secrets", source.secret_key_ref, api)
        return base64.b64decode(encoded).decode(errors="replace")
    raise MissingReference(f"variable '{variable.name}' has a source that the lab does not know")


async def _lookup(pod: Pod, resource: str, selector: KeySelector, api: ApiClient) -> str:
    path = f"/api/v1/namespaces/{pod.metadata.namespace}/{resource}/{selector.name}"
    try:
        data = msgspec.json.decode(await api.request("GET", path), type=_Data).data
    except ApiError as error:
        if selector.optional and error.code == 404:
            return ""
        raise MissingReference(f"{resource} '{selector.name}': {error}") from error
    if selector.key not in data and not selector.optional:
        raise MissingReference(f"key '{selector.key}' is not in {resource} '{selector.name}'")
    return data.get(selector.key, "")
