"""What the controller measures, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)


class Metrics:
    """All in a registry of their own, so that several controllers fit into one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.program_seconds = Histogram(
            "p4kube_controller_program_seconds",
            "From the arrival of a watch event to the switches' acknowledgement of what follows from it.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.leader = Gauge(
            "p4kube_controller_leader", "1 while this process holds the Lease.", registry=self.registry
        )
        self.epoch = Gauge(
            "p4kube_controller_epoch", "Epoch of the last term of this process.", registry=self.registry
        )
        self.watch_restarts = Counter(
            "p4kube_controller_watch_restarts",
            "Watches that broke off and lists that had to be repeated.",
            ("resource", "reason"),
            registry=self.registry,
        )
        self.api_errors = Counter(
            "p4kube_controller_write_errors",
            "Writes to the API that failed and are tried again, conflicts included.",
            ("reason",),
            registry=self.registry,
        )
        self.rejections = Counter(
            "p4kube_controller_rejections",
            "Changes that the data plane refused.",
            ("reason",),
            registry=self.registry,
        )

    def restarted(self, plural: str, reason: str) -> None:
        self.watch_restarts.labels(plural, reason).inc()

    def observe_states(self, read: Callable[[], Iterable[Metric]]) -> None:
        """Have `read` called at each scrape, for numbers that are cheaper to count than to keep."""
        self.registry.register(_OnScrape(read))


class _OnScrape(Collector):
    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return self._read()


def state_metrics(states: dict[str, int], pools: dict[str, tuple[int, int]]) -> Iterable[Metric]:
    """Services by state, and per pool the addresses in total and in use."""
    services = GaugeMetricFamily(
        "p4kube_controller_services", "Services of our class, by state.", labels=["state"]
    )
    for state in ("programmed", "pending", "refused"):
        services.add_metric([state], states.get(state, 0))
    total = GaugeMetricFamily("p4kube_controller_pool_addresses", "Addresses to hand out.", labels=["pool"])
    used = GaugeMetricFamily("p4kube_controller_pool_allocated", "Addresses held.", labels=["pool"])
    for pool, (size, held) in sorted(pools.items()):
        total.add_metric([pool], size)
        used.add_metric([pool], held)
    return services, total, used


class MetricsServer:
    """Serves /metrics and /healthz. In the event loop: it shares no state with other threads, and a loop
    that hangs fails its health check."""

    def __init__(self, metrics: Metrics, host: str, port: int) -> None:
        self._metrics = metrics
        self._address = (host, port)
        app = web.Application()
        app.router.add_get("/metrics", self._scrape)
        app.router.add_get("/healthz", self._health)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    async def __aenter__(self) -> MetricsServer:
        """Raises OSError if the address cannot be listened on."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, *self._address).start()
        except OSError:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        return int(self._runner.addresses[0][1])

    async def _scrape(self, request: web.Request) -> web.Response:
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")
