"""One pod on one node, from its arrival to the end of its grace period and its removal from the API."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import msgspec

from p4kube.lab import environment, layout, netns, podnet, podstatus
from p4kube.lab.api import ApiClient, ApiError
from p4kube.lab.container import ContainerRunner, Place, Setup
from p4kube.lab.errors import LabError
from p4kube.lab.layout import Node
from p4kube.lab.podnet import Addresses
from p4kube.lab.podspec import Container, Pod
from p4kube.lab.podstatus import ContainerStatus, Observation, PodStatus, Waiting, timestamp
from p4kube.lab.process import kill_inhabitants
from p4kube.lab.sandbox import Sandbox
from p4kube.lab.state import write_whole
from p4kube.lab.volumes import Volumes


class PodRecord(msgspec.Struct, frozen=True):
    """What outlives the kubelet: which pod a folder belongs to, and what was made for it."""

    uid: str
    node: str
    namespace: str
    address: str
    host_network: bool
    initialized: bool = False


def folder_name(pod: Pod) -> str:
    return f"{pod.metadata.namespace}_{pod.metadata.name}_{pod.metadata.uid}"


def read_record(folder: Path) -> PodRecord | None:
    try:
        return msgspec.json.decode((folder / "pod.json").read_bytes(), type=PodRecord)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def remove_remains(folder: Path, record: PodRecord) -> None:
    """Kill and remove what a pod left, without telling anybody."""
    if not record.host_network:
        kill_inhabitants([record.namespace])
        podnet.disconnect(record.namespace)
    shutil.rmtree(folder, ignore_errors=True)


class PodWorker:
    """Runs one pod. `run` lives as long as the pod; `update` and `delete` tell it what the API says."""

    def __init__(
        self, pod: Pod, node: Node, api: ApiClient, addresses: Addresses, pods_folder: Path, agnhost: Path
    ) -> None:
        self.pod = pod
        self._node = node
        self._api = api
        self._addresses = addresses
        self._folder = pods_folder / folder_name(pod)
        self._agnhost = agnhost
        self._record: PodRecord | None = None
        self._init: list[ContainerRunner] = []
        self._main: list[ContainerRunner] = []
        self._volumes: Volumes | None = None
        self._initialized = False
        self._start_time = pod.status.start_time or timestamp()
        self._sent: PodStatus | None = None
        self._sent_version = ""
        self._failure: Waiting | None = None
        self._changed = asyncio.Event()
        self._deletion = asyncio.Event()
        self._gone = False

    def update(self, pod: Pod) -> None:
        """A newer version of the pod: conditions set by others, or the beginning of its deletion."""
        self.pod = pod
        self._changed.set()
        if pod.metadata.deletion_timestamp is not None:
            self._deletion.set()

    def delete(self) -> None:
        """The pod is no longer in the API: end it at once."""
        self._gone = True
        self._deletion.set()

    async def run(self) -> None:
        """The pod's whole life; returns when nothing of it is left on this machine."""
        if self.pod.metadata.deletion_timestamp is not None:
            self._deletion.set()
        living = asyncio.create_task(self._live())
        living.add_done_callback(self._note_crash)
        publishing = asyncio.create_task(self._publish_changes())
        await self._deletion.wait()
        try:
            await self._stop()
        finally:
            for task in (living, publishing):
                task.cancel()
            await asyncio.gather(living, publishing, return_exceptions=True)
        await self._leave()

    def _note_crash(self, living: asyncio.Task[None]) -> None:
        if not living.cancelled() and living.exception() is not None:
            self._say(f"failed: {living.exception()!r}")

    def _say(self, text: str) -> None:
        print(f"{timestamp()} pod {self.pod.name}: {text}", flush=True)

    # Life

    async def _live(self) -> None:
        """Network, init containers one by one, then all containers side by side."""
        spec = self.pod.spec
        if self.pod.status.phase in ("Succeeded", "Failed"):
            return
        self._record = await self._settle()
        self._initialized = self._record.initialized
        restart = "OnFailure" if spec.restart_policy == "Always" else spec.restart_policy
        sidecars: list[asyncio.Task[int]] = []
        self._init = [
            self._runner(each, each.restart_policy or restart, init=each.restart_policy != "Always")
            for each in spec.init_containers
        ]
        self._main = [self._runner(each, spec.restart_policy) for each in spec.containers]
        self._changed.set()
        for runner in self._init:
            if runner.container.restart_policy == "Always":
                sidecars.append(asyncio.create_task(runner.run()))
                while not runner.status.started:
                    await asyncio.sleep(0.05)
            elif not self._initialized and await runner.run() != 0:
                self._changed.set()
                return
        self._note_initialized()
        await asyncio.gather(*(runner.run() for runner in self._main))
        await asyncio.gather(*(runner.stop(self.pod.grace) for runner in self._init))
        await asyncio.gather(*sidecars)

    async def _settle(self) -> PodRecord:
        """The pod's address and namespace: those it had under an earlier kubelet, or new ones."""
        known = read_record(self._folder)
        if known is not None and netns.exists(known.namespace):
            self._addresses.keep(IPv4Address(known.address))
            return known
        while True:
            try:
                return await self._connect()
            except (LabError, podnet.AddressesExhausted) as error:
                self._say(str(error))
                await asyncio.sleep(2)

    async def _connect(self) -> PodRecord:
        self._folder.mkdir(parents=True, exist_ok=True)
        uid, node = self.pod.metadata.uid, self._node
        if self.pod.spec.host_network:
            record = PodRecord(uid, node.name, node.namespace, str(node.address), True)
        else:
            address = self._addresses.take()
            record = PodRecord(uid, node.name, layout.pod_namespace(uid), str(address), False)
            try:
                await asyncio.to_thread(podnet.connect, node, record.namespace, address)
            except LabError:
                self._addresses.give_back(address)
                raise
        self._write(record)
        return record

    def _write(self, record: PodRecord) -> None:
        write_whole(self._folder / "pod.json", msgspec.json.encode(record))

    def _note_initialized(self) -> None:
        self._initialized = True
        if self._record is not None and not self._record.initialized:
            self._record = msgspec.structs.replace(self._record, initialized=True)
            self._write(self._record)
        self._changed.set()

    def _runner(self, container: Container, restart: str, *, init: bool = False) -> ContainerRunner:
        assert self._record is not None
        hostname = self._node.name if self.pod.spec.host_network else self.pod.spec.hostname
        sandbox = Sandbox(
            self._record.namespace,
            hostname or self.pod.metadata.name,
            self._record.address,
            self._folder / container.name,
            self._agnhost,
        )
        address = IPv4Address(self._record.address)
        if self._volumes is None:
            folder = self._folder / "volumes"
            self._volumes = Volumes(self.pod, folder, self._api, self._node.address, address)
        return ContainerRunner(
            container,
            Place(self._node.namespace, address, sandbox),
            partial(self._prepare, container, address, self._volumes),
            restart=restart,
            grace=self.pod.spec.termination_grace_period_seconds,
            changed=self._changed.set,
            init=init,
        )

    async def _prepare(self, container: Container, address: IPv4Address, volumes: Volumes) -> Setup:
        variables = await environment.build(self.pod, container, self._node.address, address, self._api)
        return Setup(variables, await volumes.mounts_of(container))

    # Status

    def _observe(self) -> Observation:
        waiting = ContainerStatus("", "", podstatus.ContainerState(waiting=Waiting("PodInitializing")))

        def statuses(runners: list[ContainerRunner], containers: list[Container]) -> list[ContainerStatus]:
            if runners:
                return [runner.status for runner in runners]
            return [msgspec.structs.replace(waiting, name=c.name, image=c.image) for c in containers]

        spec = self.pod.spec
        return Observation(
            init=statuses(self._init, spec.init_containers),
            main=statuses(self._main, spec.containers),
            initialized=self._initialized or not spec.init_containers,
            start_time=self._start_time,
            host=self._node.address,
            address=IPv4Address(self._record.address) if self._record else None,
            failure=self._failure,
        )

    async def _publish_changes(self) -> None:
        """Send the status whenever it changes; changes that come together go together."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(0.01)
            self._changed.clear()
            if self.pod.status.phase in ("Succeeded", "Failed") and not self._main:
                continue
            status = podstatus.compute(self.pod, self._observe(), timestamp(), self._sent)
            if status == self._sent and not podstatus.overruled(self.pod, status, self._sent_version):
                continue
            if await self._publish(status):
                self._sent = status
            else:
                self._changed.set()

    async def _publish(self, status: PodStatus) -> bool:
        """Send a status; False if it should be tried again."""
        try:
            body = {"metadata": {"uid": self.pod.metadata.uid}, "status": status}
            answer = await self._api.patch_strategic(self._path + "/status", body)
            self._sent_version = msgspec.json.decode(answer, type=Pod).metadata.resource_version
        except ApiError as error:
            if error.code in (404, 409):
                return True
            self._say(f"status not accepted: {error}")
            await asyncio.sleep(1)
            return False
        return True

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.pod.metadata.namespace}/pods/{self.pod.metadata.name}"

    # End

    async def _stop(self) -> None:
        grace = 0 if self._gone else self.pod.grace
        await asyncio.gather(*(runner.stop(grace) for runner in self._main))
        await asyncio.gather(*(runner.stop(grace) for runner in self._init))

    async def _leave(self) -> None:
        """Clean up, publish the last status, and let the API forget the pod."""
        if self._record is not None:
            await asyncio.to_thread(remove_remains, self._folder, self._record)
            if not self._record.host_network:
                self._addresses.give_back(IPv4Address(self._record.address))
        while not self._gone:
            with contextlib.suppress(ApiError):
                if self._main:
                    status = podstatus.compute(self.pod, self._observe(), timestamp(), self._sent)
                    await self._publish(status)
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.pod.metadata.uid}}
            try:
                await self._api.request("DELETE", self._path, options)
                return
            except ApiError as error:
                if error.code in (404, 409):
                    return
            await asyncio.sleep(1)
