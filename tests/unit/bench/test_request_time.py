"""The experiment's numbers, document and picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from rich.console import Console

from p4kube.bench import plot, request_time
from p4kube.bench.ab import AbRun
from p4kube.bench.facts import Facts, version_in
from p4kube.bench.quantiles import Percentiles
from p4kube.bench.request_time import WAYS, Condition, Experiment, Level, Plan, Result


def run(mean: float) -> AbRun:
    return AbRun(1000, 50, 0, mean, Percentiles(1000, tuple(mean * (1 + p / 100) for p in range(100))))


def level(concurrency: int) -> Level:
    base = {"vip": 1.05, "nodePort": 1.4, "nodePortAll": 1.3, "direct": 1.0}
    return request_time.level(
        concurrency,
        {way: [run(concurrency * base[way] * scale) for scale in (0.9, 1.0, 1.1)] for way in WAYS},
    )


@pytest.fixture
def result() -> Result:
    facts = Facts(2, "a processor", 4.0, "6.1", {"ab": "2.3"})
    levels = [level(each) for each in (1, 50, 500)]
    conditions = [Condition("unlimited"), Condition("limited", "200mbit", 32768)]
    experiments = [Experiment(condition, levels) for condition in conditions]
    return Result(facts, Plan(), request_time.EXPLANATIONS, {"node1": 2}, experiments)


def test_a_level_compares_means() -> None:
    found = level(100)
    assert found.ways["vip"].mean.mean == pytest.approx(105)
    assert found.ways["vip"].runs == pytest.approx([94.5, 105, 115.5])
    assert found.ratios["vip/nodePort"] == pytest.approx(0.75)
    assert found.ratios["vip/direct"] == pytest.approx(1.05)


def test_the_document_reads_back(result: Result) -> None:
    text = msgspec.json.encode(result)
    assert b"linkRate" in text
    assert msgspec.json.decode(text, type=Result) == result


def test_the_table_shows_every_level_and_both_conditions(result: Result) -> None:
    console = Console(width=200, record=True, quiet=False, force_terminal=False)
    with console.capture() as shown:
        request_time.show(console, result)
    text = shown.get()
    assert "200mbit" in text
    assert "links without limit" in text
    assert text.count("0.75") == 6  # the VIP beside NodePort, 3 levels, 2 conditions


def test_the_picture_labels_axes_and_lines(result: Result, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot.draw(result, tmp_path / "x.svg")
    text = "".join(ElementTree.parse(tmp_path / "x.svg").getroot().itertext())
    for words in ("concurrent requests", "mean request time (ms)", *plot.LABELS.values()):
        assert words in text


def test_labels_are_kept_apart_in_order() -> None:
    placed = plot.apart({"a": 0.50, "b": 0.51, "c": 0.52, "d": 0.9}, 0.05)
    heights = [placed[name] for name in "abcd"]
    assert all(high - low >= 0.05 - 1e-9 for low, high in pairwise(heights))


@pytest.mark.parametrize(
    ("text", "version"),
    [("nginx version: nginx/1.22.1", "1.22.1"), ("Version 2.3 <$Revision$>", "2.3"), ("none", "")],
)
def test_versions_in_words(text: str, version: str) -> None:
    assert version_in(text) == version
