"""Parser states: selects that are decided, states that nothing reaches, chains that are one state."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from p4xdp.ir import nodes as ir


def merge_states(program: ir.Program) -> ir.Program:
    states = {s.name: replace(s, transition=_decided(s.transition)) for s in program.parser.states}
    order = [s.name for s in program.parser.states]
    states = _reachable(states, order[0])
    ways = Counter(t for s in states.values() for t in targets(s))
    ways[order[0]] += 1  # the way in
    for name in order:
        if name in states:
            _absorb(states, name, ways)
    merged = tuple(states[n] for n in order if n in states)
    return replace(program, parser=replace(program.parser, states=merged))


def targets(state: ir.State) -> list[str]:
    """The states that `state` may go to, each as often as it is named."""
    if isinstance(state.transition, str):
        return [state.transition]
    return [c.state for c in state.transition.cases]


def _absorb(states: dict[str, ir.State], name: str, ways: Counter[str]) -> None:
    """Takes in the state that follows as long as there is one that only this one goes to."""
    while True:
        state = states[name]
        following = state.transition
        if not isinstance(following, str) or following not in states or following == name:
            return
        if ways[following] != 1:
            return
        next_state = states.pop(following)
        states[name] = replace(state, body=state.body + next_state.body, transition=next_state.transition)


def _reachable(states: dict[str, ir.State], start: str) -> dict[str, ir.State]:
    seen, waiting = {start}, [start]
    while waiting:
        for target in targets(states[waiting.pop()]):
            if target in states and target not in seen:
                seen.add(target)
                waiting.append(target)
    return {n: s for n, s in states.items() if n in seen}


def _decided(transition: str | ir.Select) -> str | ir.Select:
    """Cases that cannot match go, those after one that always does too; a sure way needs no select."""
    if isinstance(transition, str):
        return transition
    cases: list[ir.SelectCase] = []
    for case in transition.cases:
        answers = [_holds(k, e) for k, e in zip(case.keysets, transition.keys, strict=True)]
        if False in answers:
            continue
        cases.append(case)
        if all(answers):
            break
    if cases and all(_holds(k, e) for k, e in zip(cases[0].keysets, transition.keys, strict=True)):
        return cases[0].state
    return replace(transition, cases=tuple(cases))


def _holds(keyset: ir.KeySet, e: ir.Expr) -> bool | None:
    """Whether `e` is in `keyset`; None if that is not known."""
    if keyset.kind == "any" or (keyset.kind == "mask" and keyset.mask == 0):
        return True
    if not isinstance(e, ir.Const):
        return None
    value = e.value & (1 << e.type.width) - 1
    match keyset.kind:
        case "exact":
            return value == keyset.value
        case "mask":
            return (value ^ keyset.value) & keyset.mask == 0
    return keyset.value <= value <= keyset.mask
