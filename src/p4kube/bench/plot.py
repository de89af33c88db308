"""The picture of the request-time experiment, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from p4kube.bench.request_time import WAYS, Experiment, Result

LABELS = {
    "vip": "VIP (P4Kube)",
    "nodePort": "NodePort, one node",
    "nodePortAll": "NodePort, all nodes",
    "direct": "straight to a pod",
}
# Okabe and Ito's colours, which people with any colour vision can tell apart.
_COLOURS = {"vip": "#D55E00", "nodePort": "#0072B2", "nodePortAll": "#009E73", "direct": "#555555"}
_SMALLEST_GAP = 0.055


def draw(result: Result, path: Path) -> None:
    """Above the mean request time, below the same as a multiple of NodePort through one node."""
    # Late, because nothing else here needs matplotlib, and it is an optional dependency.
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "p4kube", "font.size": 9})
    columns = len(result.experiments)
    figure, axes = pyplot.subplots(2, columns, figsize=(1.2 + 4.9 * columns, 7), squeeze=False)
    for column, experiment in enumerate(result.experiments):
        _draw_times(axes[0][column], experiment)
        _draw_ratios(axes[1][column], experiment)
    figure.suptitle("Mean time of a request; bars: 95 % confidence of the mean over the runs")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _draw_times(axes: Any, experiment: Experiment) -> None:
    levels = [level.concurrency for level in experiment.levels]
    ends = {}
    for way in WAYS:
        means = [level.ways[way].mean.mean for level in experiment.levels]
        # On a logarithmic axis a bar must not reach zero.
        margins = [
            min(level.ways[way].mean.margin, 0.95 * level.ways[way].mean.mean) for level in experiment.levels
        ]
        axes.errorbar(levels, means, yerr=margins, color=_COLOURS[way], marker="o", markersize=3, capsize=2)
        ends[way] = means[-1]
    axes.set_yscale("log")
    axes.set_title(title(experiment))
    axes.set_ylabel("mean request time (ms)")
    _finish(axes, levels, ends)


def _draw_ratios(axes: Any, experiment: Experiment) -> None:
    levels = [level.concurrency for level in experiment.levels]
    ends = {}
    for way in WAYS:
        pairs = [(level.ways[way].mean, level.ways["nodePort"].mean.mean) for level in experiment.levels]
        means = [mean.mean / reference for mean, reference in pairs]
        margins = [mean.margin / reference for mean, reference in pairs]
        axes.errorbar(levels, means, yerr=margins, color=_COLOURS[way], marker="o", markersize=3, capsize=2)
        ends[way] = means[-1]
    axes.set_ylim(bottom=0)
    axes.set_ylabel("relative to NodePort through one node")
    _finish(axes, levels, ends)


def _finish(axes: Any, levels: Sequence[int], ends: dict[str, float]) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("concurrent requests")
    axes.set_xticks(levels, [str(level) for level in levels])
    axes.minorticks_off()
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(levels[0] * 0.8, levels[-1] * 1.25)
    to_axes = axes.transData + axes.transAxes.inverted()
    heights = {way: float(to_axes.transform((levels[-1], end))[1]) for way, end in ends.items()}
    for way, height in apart(heights, _SMALLEST_GAP).items():
        axes.text(1.01, height, LABELS[way], color=_COLOURS[way], transform=axes.transAxes, va="center")


def apart(heights: dict[str, float], gap: float) -> dict[str, float]:
    """Heights of labels near those wanted, in the same order, no two nearer to each other than `gap`."""
    names = sorted(heights, key=lambda name: heights[name])
    placed: list[float] = []
    for name in names:
        placed.append(max(heights[name], placed[-1] + gap) if placed else heights[name])
    # Pushing upwards only would lift a crowd away from its lines: half of it goes back down.
    shift = sum(new - heights[name] for name, new in zip(names, placed, strict=True)) / max(len(names), 1)
    return {name: height - shift for name, height in zip(names, placed, strict=True)}


def title(experiment: Experiment) -> str:
    condition = experiment.condition
    body = "the pod's name" if condition.body is None else f"{condition.body // 1024} KiB"
    links = f"links of {condition.link_rate} per node" if condition.link_rate else "links without limit"
    return f"{links}; answers of {body}"
