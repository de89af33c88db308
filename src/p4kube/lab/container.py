"""One container of a pod: started, probed, restarted by its policy, and stopped with grace."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from collections.abc import Awaitable, Callable, Coroutine
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import msgspec

from p4kube.lab import child, environment, probes, programs
from p4kube.lab.child import Child
from p4kube.lab.podspec import Container, Handler, Probe
from p4kube.lab.podstatus import ContainerState, ContainerStatus, Running, Terminated, Waiting, timestamp
from p4kube.lab.probes import Tally, Target
from p4kube.lab.sandbox import Mount, Sandbox
from p4kube.lab.state import write_whole

# A real kubelet waits 10 s, 20 s, ... 300 s; a lab is watched by someone who wants to see the next try.
_FIRST_BACKOFF, _LAST_BACKOFF, _GOOD_RUN = 1.0, 60.0, 60.0


class Setup(msgspec.Struct, frozen=True):
    """What a container needs to start, looked up anew for each start."""

    environment: dict[str, str]
    mounts: tuple[Mount, ...]


Prepare = Callable[[], Awaitable[Setup]]


class Place(msgspec.Struct, frozen=True):
    """Where one container runs: the node that probes it, the pod's address, and its sandbox."""

    node_namespace: str
    address: IPv4Address
    sandbox: Sandbox

    @property
    def folder(self) -> Path:
        """The container's own folder: logs and the record of its process."""
        return self.sandbox.folder


class ContainerRunner:
    """Runs one container and keeps its status; `changed` is called after each change of the status.

    `restart` is Always, OnFailure or Never; `grace` is the pod's grace period in seconds, used when a
    liveness probe kills the container.
    """

    def __init__(
        self,
        container: Container,
        place: Place,
        prepare: Prepare,
        *,
        restart: str,
        grace: float,
        changed: Callable[[], None],
        init: bool = False,
    ) -> None:
        self.container = container
        self._place = place
        self._prepare = prepare
        self._restart = restart
        self._grace = grace
        self._changed = changed
        self._init = init
        self._child: Child | None = None
        self._target = Target(place.node_namespace, place.address, 0)
        self._environment: dict[str, str] = {}
        self._stopping = False
        self._ended = asyncio.Event()
        self.status = ContainerStatus(
            container.name, container.image, ContainerState(waiting=Waiting("ContainerCreating"))
        )

    async def run(self) -> int:
        """Run until the container is over for good; returns its last exit code."""
        backoff = _FIRST_BACKOFF
        try:
            while True:
                begun = time.monotonic()
                code = await self._run_once()
                if not self._restarts_after(code):
                    return code
                if time.monotonic() - begun > _GOOD_RUN:
                    backoff = _FIRST_BACKOFF
                self._back_off(code)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LAST_BACKOFF)
                if self._stopping:
                    return code
        finally:
            self._ended.set()

    def _restarts_after(self, code: int) -> bool:
        return not self._stopping and (
            self._restart == "Always" or (self._restart == "OnFailure" and code != 0)
        )

    def _back_off(self, code: int) -> None:
        ended = self.status.state
        waiting = Waiting("CrashLoopBackOff", f"restarting after exit code {code}")
        self._set(
            state=ContainerState(waiting=waiting),
            last_state=ended,
            restart_count=self.status.restart_count + 1,
        )

    async def _run_once(self) -> int:
        running = self._adopt() or await self._start()
        self._child = running
        self._target = Target(self._place.node_namespace, self._place.address, running.pid)
        watching = asyncio.create_task(self._probe_all())
        try:
            code = await child.wait(running)
        finally:
            watching.cancel()
        child.kill_group(running)
        (self._place.folder / "child.json").unlink(missing_ok=True)
        self._child = None
        self._set(
            state=ContainerState(
                terminated=Terminated(
                    exit_code=code,
                    reason="Completed" if code == 0 else "Error",
                    started_at=running.started_at,
                    finished_at=timestamp(),
                    container_id=self.status.container_id,
                )
            ),
            ready=self._init and code == 0,
            started=False,
        )
        return code

    def _adopt(self) -> Child | None:
        """A process that an earlier kubelet started for this container and that still lives."""
        try:
            content = (self._place.folder / "child.json").read_bytes()
            found = msgspec.json.decode(content, type=Child)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        if not child.is_alive(found):
            return None
        self._note_running(found)
        return found

    async def _start(self) -> Child:
        """Start the process, waiting as long as its image or a reference is missing."""
        while True:
            try:
                return await self._try_start()
            except programs.UnknownImage as error:
                self._set(state=ContainerState(waiting=Waiting("ErrImagePull", str(error))))
            except environment.MissingReference as error:
                self._set(state=ContainerState(waiting=Waiting("CreateContainerConfigError", str(error))))
            await asyncio.sleep(2)

    async def _try_start(self) -> Child:
        container, place = self.container, self._place
        place.folder.mkdir(parents=True, exist_ok=True)
        setup = await self._prepare()
        if self._stopping:
            # Too late to start: whoever stops us cancels this wait.
            await asyncio.Event().wait()
        self._environment = setup.environment
        command = [environment.expand(text, self._environment) for text in container.command]
        arguments = [environment.expand(text, self._environment) for text in container.args]
        program = programs.resolve(container.image, command, arguments, place.folder)
        for name, text in program.files.items():
            (place.folder / name).write_text(text)
        restarts = self.status.restart_count
        log = place.folder / f"{restarts}.log"
        sandbox = msgspec.structs.replace(
            place.sandbox, mounts=setup.mounts, directory=container.working_dir or "/"
        )
        sandbox.root.mkdir(exist_ok=True)
        argv = sandbox.start_argv(program.argv)
        try:
            started = child.spawn(argv, self._environment, log, timestamp(), restarts)
        except OSError as error:
            raise programs.UnknownImage(f"cannot start `{shlex.join(program.argv)}`: {error}") from error
        write_whole(place.folder / "child.json", msgspec.json.encode(started))
        self._note_running(started)
        return started

    def _note_running(self, running: Child) -> None:
        self._set(
            state=ContainerState(running=Running(running.started_at)),
            restart_count=running.restarts,
            container_id=f"process://{running.pid}",
            image_id=f"lab://{programs.base_name(self.container.image)}",
            started=self.container.startup_probe is None,
            ready=self.container.startup_probe is None and self.container.readiness_probe is None,
        )

    async def _probe_all(self) -> None:
        """The startup probe until it holds, then liveness and readiness side by side, for ever."""
        container = self.container
        if container.startup_probe is not None:
            await self._startup(container.startup_probe)
            self._set(started=True, ready=container.readiness_probe is None)
        async with asyncio.TaskGroup() as group:
            if container.readiness_probe is not None:
                group.create_task(self._watch(container.readiness_probe, Tally(False), self._readiness))
            if container.liveness_probe is not None:
                alive = self._killing(container.liveness_probe)
                group.create_task(self._watch(container.liveness_probe, Tally(True), alive))

    async def _startup(self, probe: Probe) -> None:
        """Wait for the startup probe to hold; it kills the container after its failure threshold."""
        passed = asyncio.Event()
        kill = self._killing(probe)

        def report(tally: Tally) -> None:
            if tally.holds:
                passed.set()
            else:
                kill(tally)

        watching = asyncio.create_task(self._watch(probe, Tally(False), report))
        try:
            await passed.wait()
        finally:
            watching.cancel()

    def _watch(
        self, probe: Probe, start: Tally, report: Callable[[Tally], None]
    ) -> Coroutine[None, None, None]:
        return probes.watch(
            probe, self.container, self._target, self._environment, start=start, report=report
        )

    def _readiness(self, tally: Tally) -> None:
        if self.status.ready != tally.holds:
            self._set(ready=tally.holds)

    def _killing(self, probe: Probe) -> Callable[[Tally], None]:
        """Ends the running process, with grace, at the probe's failure threshold."""
        given = probe.termination_grace_period_seconds
        grace = self._grace if given is None else given

        def report(tally: Tally) -> None:
            if not tally.run_of and tally.run == probe.failure_threshold and self._child is not None:
                child.terminate(self._child)
                asyncio.get_running_loop().call_later(grace, _kill_if_alive, self._child)

        return report

    async def stop(self, grace: float) -> None:
        """Pre-stop hook, SIGTERM, then SIGKILL after `grace` seconds in all; returns when it is over."""
        self._stopping = True
        deadline = time.monotonic() + grace
        lifecycle = self.container.lifecycle
        if self._child is not None and lifecycle is not None and lifecycle.pre_stop is not None and grace > 0:
            with contextlib.suppress(TimeoutError, OSError, ValueError):
                async with asyncio.timeout(grace):
                    await self._hook(lifecycle.pre_stop, grace)
            # As a kubelet does: a hook that used up the time leaves two seconds for SIGTERM.
            deadline = max(deadline, time.monotonic() + 2)
        if self._child is not None:
            child.terminate(self._child)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await self._ended.wait()
        if self._child is not None:
            child.kill_group(self._child)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await self._ended.wait()

    async def _hook(self, hook: Handler, seconds: float) -> None:
        if hook.sleep is not None:
            await asyncio.sleep(hook.sleep.seconds)
        elif hook.exec is not None:
            await probes.run_command(hook.exec, self._target, self._environment, seconds)
        elif hook.http_get is not None:
            await probes.http_status(hook.http_get, self.container, self._target)

    def _set(self, **changes: Any) -> None:
        self.status = msgspec.structs.replace(self.status, **changes)
        self._changed()


def _kill_if_alive(running: Child) -> None:
    if child.is_alive(running):
        child.kill_group(running)
