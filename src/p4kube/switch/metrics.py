"""Prometheus metrics of the data plane and of the agent, read when they are asked for."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from p4kube.switch import readings
from p4kube.switch.agent import Agent
from p4kube.switch.config import Config, Endpoint
from p4kube.switch.dataplane import Readable
from p4kube.switch.errors import SwitchError

_PREFIX = "p4kube_switch"


@contextmanager
def served(endpoint: Endpoint | None, collector: Collector) -> Iterator[None]:
    """Serves the metrics for the time of a `with` block. Raises SwitchError if the address is not free."""
    if endpoint is None:
        yield
        return
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server, thread = start_http_server(endpoint.port, endpoint.host, registry)
    except OSError as error:
        raise SwitchError(f"cannot serve metrics at {endpoint}: {error.strerror} (metrics)") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Collector:
    """Reads the maps at every scrape; the data plane itself counts."""

    def __init__(self, config: Config, plane: Readable, agent: Agent) -> None:
        self._config, self._plane, self._agent = config, plane, agent

    def describe(self) -> list[Metric]:
        """Nothing: registration must not read the maps."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._data_plane()
        yield from self._traffic()
        yield from self._of_agent()

    def _data_plane(self) -> Iterator[Metric]:
        events = CounterMetricFamily(f"{_PREFIX}_events", "Events in the data plane.", labels=["event"])
        for name, count in readings.events(self._plane).items():
            events.add_metric([name], count)
        yield events
        faults = CounterMetricFamily(
            f"{_PREFIX}_faults", "Packets that the program dropped for want of something.", labels=["reason"]
        )
        for reason, count in self._plane.faults().items():
            faults.add_metric([reason], count)
        yield faults
        order = readings.order(self._plane)
        yield GaugeMetricFamily(f"{_PREFIX}_update_epoch", "Epoch of the last update.", order.epoch)
        yield GaugeMetricFamily(
            f"{_PREFIX}_update_sequence", "Sequence number of the last update in its epoch.", order.sequence
        )
        sizes = GaugeMetricFamily(f"{_PREFIX}_table_entries", "Entries in a table.", labels=["table"])
        for table, entries in readings.sizes(self._plane).items():
            sizes.add_metric([table], entries)
        yield sizes

    def _traffic(self) -> Iterator[Metric]:
        for counter, label, text in (
            ("service_requests", "service", "Requests to a service port"),
            ("service_replies", "service", "Replies of a service port"),
            ("node_requests", "node", "Requests sent to a node"),
        ):
            name = f"{_PREFIX}_{counter.removesuffix('s')}"
            packets = CounterMetricFamily(f"{name}_packets", f"{text}, packets.", labels=[f"{label}_id"])
            size = CounterMetricFamily(f"{name}_bytes", f"{text}, bytes of frames.", labels=[f"{label}_id"])
            for id, count in readings.counts(self._plane, counter).items():
                packets.add_metric([str(id)], count.packets)
                size.add_metric([str(id)], count.bytes)
            yield packets
            yield size

    def _of_agent(self) -> Iterator[Metric]:
        did = self._agent.statistics
        for name, text, value in (
            (
                "netlink_resyncs",
                "Times that netlink events were lost and everything was read anew.",
                did.overflows,
            ),
            ("sync_rounds", "Times that the kernel's state was read.", did.rounds),
            ("sync_failures", "Times that the link state could not be brought up to date.", did.failures),
            ("table_changes", "Changes made to the link state tables.", did.changes),
            ("neighbour_probes", "Requests to the kernel to resolve or confirm a neighbour.", did.probes),
        ):
            yield CounterMetricFamily(f"{_PREFIX}_{name}", text, value)
        yield GaugeMetricFamily(
            f"{_PREFIX}_routes_left_to_kernel", "Routes beyond the table's size.", did.left_to_kernel
        )
        yield self._ports()
        yield self._build()

    def _ports(self) -> Metric:
        ports = GaugeMetricFamily(
            f"{_PREFIX}_port_attached", "1 if the interface is a port now.", labels=["interface", "port"]
        )
        attached = set(self._agent.ports.numbers.values())
        for port in self._config.ports:
            ports.add_metric([port.interface, str(port.number)], port.number in attached)
        return ports

    def _build(self) -> Metric:
        build = GaugeMetricFamily(
            f"{_PREFIX}_build_info",
            "Always 1; what is running.",
            labels=["version", "python", "kernel", "name", "mode", "boot_id"],
        )
        labels = [package_version(), platform.python_version(), platform.release()]
        own = [self._config.name, self._config.mode, f"{self._agent.boot_id:016x}"]
        build.add_metric([*labels, *own], 1)
        return build


def package_version() -> str:
    try:
        return version("p4kube")
    except PackageNotFoundError:
        return "unknown"
