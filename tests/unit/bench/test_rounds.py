"""In which order the ways are measured, and how one way's load is divided."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from p4kube.bench import rounds
from p4kube.bench.ab import AbError

OUTPUT = """
Concurrency Level:      4
Complete requests:      100
Failed requests:        0
Time per request:       1.5 [ms] (mean)
"""
TABLE = "Percentage served,Time in ms\n" + "".join(f"{p},1.5\n" for p in range(100))


class StubLab:
    """Answers every `ab` with the same words."""

    def __init__(self, code: int = 0) -> None:
        self.urls: list[str] = []
        self.levels: list[int] = []
        self._code = code

    def run_in(self, place: str, argv: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert place == "client"
        self.urls.append(argv[-1])
        self.levels.append(int(argv[argv.index("-c") + 1]))
        Path(argv[argv.index("-e") + 1]).write_text(TABLE)
        return subprocess.CompletedProcess(argv, self._code, OUTPUT, "nsenter: no such program")


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lab, no namespace to put addresses into."""
    monkeypatch.setattr(rounds.netns, "ip_batch", lambda *_: None)


def measure(lab: StubLab, ways: dict[str, list[str]], concurrency: int = 4, count: int = 3) -> Any:
    return rounds.measure(
        lab,  # type: ignore[arg-type]
        ways, requests=100, concurrency=concurrency, rounds=count, say=lambda _: None,
    )  # fmt: skip


def test_each_way_takes_each_place_equally_often() -> None:
    places = [Counter(rounds.order(["a", "b", "c"], i)[place] for i in range(12)) for place in range(3)]
    assert all(place == {"a": 4, "b": 4, "c": 4} for place in places)


def test_parts_add_up() -> None:
    assert rounds.parts(10, 4) == [3, 3, 2, 2]


def test_the_first_run_of_each_way_is_not_counted() -> None:
    lab = StubLab()
    runs = measure(lab, {"a": ["http://a/"], "b": ["http://b/"]})
    assert {name: len(each) for name, each in runs.items()} == {"a": 3, "b": 3}
    urls = [url[7] for url in lab.urls]
    assert urls == ["a", "b", "a", "b", "b", "a", "b", "a"]


def test_several_nodes_share_the_concurrency() -> None:
    lab = StubLab()
    measure(lab, {"all": [f"http://{i}/" for i in range(4)]}, concurrency=10, count=1)
    assert sorted(lab.levels[4:]) == [2, 2, 3, 3]


def test_few_concurrent_requests_visit_one_node_after_the_other() -> None:
    lab = StubLab()
    measure(lab, {"all": [f"http://{i}/" for i in range(4)]}, concurrency=1, count=1)
    assert lab.levels == [1] * 8


def test_a_missing_program_is_named() -> None:
    with pytest.raises(AbError, match="apache2-utils"):
        measure(StubLab(127), {"a": ["http://a/"]})
