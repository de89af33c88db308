"""The agent as a process: signals, metrics, and what is left behind at the end."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

from p4kube.switch import keys as keyring
from p4kube.switch import metrics
from p4kube.switch.agent import Agent
from p4kube.switch.config import Config
from p4kube.switch.dataplane import DataPlane
from p4kube.switch.errors import SwitchError
from p4kube.switch.keys import Keys
from p4kube.switch.monitor import Monitor
from p4kube.switch.netlink import Netlink
from p4xdp.device import DeviceError

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_log = logging.getLogger(__name__)


async def serve(config: Config, keys: Keys, plane: DataPlane) -> None:
    """Follows the kernel until SIGTERM or SIGINT; SIGHUP reads the keys file again.

    The data plane stays as it is afterwards. Raises SwitchError, DeviceError, KernelError.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    _warn_of_host()
    async with Netlink() as kernel:
        agent = Agent(config, plane, kernel)
        monitor = Monitor(agent.changed, agent.lost)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, _reload, config, agent)
        try:
            with metrics.served(config.metrics_endpoint, metrics.Collector(config, plane, agent)):
                await agent.start(keys)
                _log.info("switch %s is ready, boot id %016x", config.name, agent.boot_id)
                await agent.run(stop)
        finally:
            monitor.close()


def _reload(config: Config, agent: Agent) -> None:
    try:
        agent.install(keyring.load(config.keys_file))
    except (SwitchError, DeviceError) as error:
        _log.error("the keys are as before: %s", error)
    else:
        _log.info("keys read from %s", config.keys_file)


def _warn_of_host() -> None:
    """What the data plane does not forward by itself needs a kernel that forwards."""
    try:
        forwards = _FORWARDING.read_text().strip() != "0"
    except OSError:
        return
    if not forwards:
        _log.warning(
            "net.ipv4.ip_forward is 0: packets to hosts not yet resolved are dropped; set it to 1 on a switch"
        )
