"""Volumes of a pod, laid out as files on this machine: emptyDir, configMap, secret, projected and hostPath.

They are written once, when the pod starts; a later change of a ConfigMap does not reach a running pod.
"""

from __future__ import annotations

import base64
from ipaddress import IPv4Address
from pathlib import Path

import msgspec

from p4kube.lab.api import ApiClient, ApiError
from p4kube.lab.environment import MissingReference, field_value
from p4kube.lab.podspec import Container, DownwardFile, KeyToPath, Pod, Source, TokenSource, Volume
from p4kube.lab.sandbox import Mount


class _Data(msgspec.Struct, rename="camel"):
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}


class _Token(msgspec.Struct):
    token: str


class _TokenAnswer(msgspec.Struct):
    status: _Token


class Volumes:
    """The volumes of one pod below `folder`. All methods raise `MissingReference` with the reason."""

    def __init__(
        self, pod: Pod, folder: Path, api: ApiClient, host: IPv4Address, address: IPv4Address
    ) -> None:
        self._pod = pod
        self._folder = folder
        self._api = api
        self._host = host
        self._address = address
        self._sources: dict[str, Path] = {}

    async def mounts_of(self, container: Container) -> tuple[Mount, ...]:
        """What a container mounts, with the files in place."""
        by_name = {volume.name: volume for volume in self._pod.spec.volumes}
        mounts = []
        for mount in container.volume_mounts:
            if mount.name not in self._sources:
                if mount.name not in by_name:
                    raise MissingReference(f"there is no volume '{mount.name}' in the pod")
                self._sources[mount.name] = await self._lay_out(by_name[mount.name])
            source = self._sources[mount.name]
            source = source / mount.sub_path if mount.sub_path else source
            mounts.append(Mount(source, mount.mount_path, mount.read_only))
        return tuple(mounts)

    async def _lay_out(self, volume: Volume) -> Path:
        if volume.host_path is not None:
            return Path(volume.host_path.path)
        folder = self._folder / volume.name
        folder.mkdir(parents=True, exist_ok=True)
        for source in volume.sources():
            for name, content in (await self._files(source)).items():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        return folder

    async def _files(self, source: Source) -> dict[str, bytes]:
        if source.config_map is not None:
            found = await self._read("configmaps", source.config_map.name, source.config_map.optional)
            content = {key: text.encode() for key, text in found.data.items()}
            content |= {key: base64.b64decode(text) for key, text in found.binary_data.items()}
            return _chosen(content, source.config_map.items)
        if source.secret is not None:
            named = source.secret
            found = await self._read("secrets", named.name or named.secret_name, named.optional)
            return _chosen({key: base64.b64decode(text) for key, text in found.data.items()}, named.items)
        if source.service_account_token is not None:
            return await self._token(source.service_account_token)
        if source.downward_api is not None:
            return {item.path: self._field(item).encode() for item in source.downward_api.items}
        return {}

    def _field(self, item: DownwardFile) -> str:
        if item.field_ref is None:
            raise MissingReference(f"file '{item.path}' of the downward API names no field")
        return field_value(self._pod, item.field_ref.field_path, self._host, self._address)

    async def _read(self, resource: str, name: str, optional: bool) -> _Data:
        path = f"/api/v1/namespaces/{self._pod.metadata.namespace}/{resource}/{name}"
        try:
            return msgspec.json.decode(await self._api.request("GET", path), type=_Data)
        except ApiError as error:
            if optional and error.code == 404:
                return _Data()
            raise MissingReference(f"{resource} '{name}': {error}") from error

    async def _token(self, source: TokenSource) -> dict[str, bytes]:
        """A token bound to the pod, from the TokenRequest API."""
        metadata = self._pod.metadata
        account = self._pod.spec.service_account_name or "default"
        pod = {"apiVersion": "v1", "kind": "Pod", "name": metadata.name, "uid": metadata.uid}
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [source.audience] if source.audience else [],
                "expirationSeconds": source.expiration_seconds,
                "boundObjectRef": pod,
            },
        }
        path = f"/api/v1/namespaces/{metadata.namespace}/serviceaccounts/{account}/token"
        try:
            answer = await self._api.request("POST", path, request)
        except ApiError as error:
            raise MissingReference(f"token for service account '{account}': {error}") from error
        return {source.path: msgspec.json.decode(answer, type=_TokenAnswer).status.token.encode()}


def _chosen(content: dict[str, bytes], items: list[KeyToPath]) -> dict[str, bytes]:
    """All keys under their own names, or the listed ones under the given paths."""
    if not items:
        return content
    missing = [item.key for item in items if item.key not in content]
    if missing:
        raise MissingReference(f"there is no key '{missing[0]}'")
    return {item.path: content[item.key] for item in items}
