"""The traffic generator as a program, to be started in a client's network namespace.

`python -m p4kube.bench.client burst ADDRESS:PORT` sends a number of requests and prints a `BurstReport`;
`… steady ADDRESS:PORT` prints the line "started", goes on until its input ends, and prints a `SteadyReport`.
Reports are JSON on one line.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

import msgspec

from p4kube.bench.burst import burst
from p4kube.bench.http import parse_target
from p4kube.bench.steady import Load, steady
from p4kube.bench.traffic import BurstReport, SteadyReport


def main() -> None:
    options = _parser().parse_args()
    report = asyncio.run(_burst(options) if options.mode == "burst" else _steady(options))
    print(msgspec.json.encode(report).decode(), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="HTTP requests to one address, for measurements.")
    modes = parser.add_subparsers(dest="mode", required=True)
    for name in ("burst", "steady"):
        mode = modes.add_parser(name)
        mode.add_argument("target", type=parse_target, help="address:port")
        mode.add_argument("--path", default="/")
        mode.add_argument("--timeout", type=float, default=5.0, help="seconds for one request")
    modes.choices["burst"].add_argument("--count", type=int, default=1000)
    modes.choices["burst"].add_argument("--concurrency", type=int, default=32)
    modes.choices["steady"].add_argument("--rate", type=float, default=200.0, help="connections per second")
    modes.choices["steady"].add_argument("--kept", type=int, default=50, help="connections that are kept")
    modes.choices["steady"].add_argument("--period", type=float, default=0.1, help="seconds between requests")
    return parser


async def _burst(options: argparse.Namespace) -> BurstReport:
    return await burst(options.target, options.path, options.count, options.concurrency, options.timeout)


async def _steady(options: argparse.Namespace) -> SteadyReport:
    load = Load(
        options.target,
        options.path,
        rate=options.rate,
        kept=options.kept,
        period=options.period,
        patience=options.timeout,
    )
    started, stop = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(steady(load, started, stop))
        await started.wait()
        print("started", flush=True)
    return running.result()


if __name__ == "__main__":
    main()
