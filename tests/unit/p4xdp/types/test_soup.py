"""A right program, damaged at random: the checker accepts it or says what is wrong, and never falls over."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p4xdp.source import P4Error
from p4xdp.syntax import parse_text
from p4xdp.types import check

EVERYTHING = Path(__file__).with_name("everything.p4").read_text()
TOKENS = re.findall(r"\s+|[A-Za-z_]\w*|\d\w*|.", EVERYTHING)
PLACES = [i for i, token in enumerate(TOKENS) if not token.isspace() and i > 20]

damage = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["drop", "copy", "swap"]), st.sampled_from(PLACES)),
    min_size=1,
    max_size=4,
)


def damaged(steps: list[tuple[int, str, int]]) -> str:
    tokens = list(TOKENS)
    for place, kind, other in steps:
        if kind == "drop":
            tokens[place] = " "
        elif kind == "copy":
            tokens[place] = tokens[other]
        else:
            tokens[place], tokens[other] = tokens[other], tokens[place]
    return "".join(tokens)


@settings(max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(damage)
def test_damaged_programs(steps: list[tuple[int, str, int]]) -> None:
    try:
        check(parse_text(damaged(steps), "x.p4"))
    except P4Error as error:
        assert error.message
        assert error.span.path.endswith(".p4")
