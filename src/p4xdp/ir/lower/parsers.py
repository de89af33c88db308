"""The parser as a graph of states: header-stack positions unrolled, sub-parsers inlined.

A `Step` is a place in the source (a state, from one of its statements on, within a chain of sub-parser
calls) together with the next index of every header stack. Each distinct step becomes one ir.State, so a
loop over a stack becomes one state per element and then error.StackOutOfBounds; a loop that takes
nothing from a stack stays a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import FALSE
from p4xdp.ir.lower.arguments import pass_arguments
from p4xdp.ir.lower.context import Context
from p4xdp.ir.lower.elaborate import anonymous_instance
from p4xdp.ir.lower.keysets import key, keysets
from p4xdp.ir.lower.values import Instance, Scope, scalar
from p4xdp.source import Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types.program import ResolvedCall

MAX_STATES = 4000
Indices = tuple[tuple[str, int], ...]


@dataclass(slots=True, eq=False)
class Frame:
    """One (sub-)parser being run: what its names mean, and where accepting it goes on."""

    instance: Instance
    declaration: ast.ParserDeclaration
    scope: Scope
    states: dict[str, ast.ParserState]
    after: Step | None = None
    copy_out: ir.Body = ()
    calls: dict[tuple[ast.Node, Indices], Entered] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entered:
    """A sub-parser entered from one place with the same stack positions every time: `copy_in` passes the
    arguments, `indices` are the positions then."""

    frame: Frame
    copy_in: ir.Body
    indices: Indices


@dataclass(frozen=True, slots=True)
class Step:
    """The statements of `state` from number `start` on, entered with these stack positions."""

    frame: Frame
    state: str
    start: int = 0
    returning: Frame | None = None
    indices: Indices = ()


class ParserLowering:
    def __init__(self, cx: Context) -> None:
        self._cx = cx
        self._names: dict[Step, str] = {}
        self._waiting: list[Step] = []
        self._used: dict[str, int] = {"accept": 1, "reject": 1}

    def lower(self, instance: Instance, scope: Scope) -> ir.Parser:
        """The graph of the top-level parser; its parameters are bound in `scope`."""
        declaration = instance.declaration
        assert isinstance(declaration, ast.ParserDeclaration)
        frame = Frame(instance, declaration, scope, {s.name: s for s in declaration.states})
        locals_ = self._locals(frame)
        self._name(Step(frame, "start"))
        states: list[ir.State] = []
        while self._waiting:
            states.append(self._state(self._waiting.pop(0), locals_))
            locals_ = ()
            if len(states) > MAX_STATES:
                raise Unsupported(declaration.span, f"the parser unrolls to more than {MAX_STATES} states")
        return ir.Parser(instance.name, tuple(_in_order(states)))

    def _locals(self, frame: Frame) -> ir.Body:
        cx = self._cx

        def run() -> None:
            for local in frame.declaration.locals:
                if isinstance(local, ast.VariableDeclaration | ast.ConstantDeclaration):
                    cx.statement(local)
                elif isinstance(local, ast.ValueSet):
                    raise Unsupported(local.span, "value sets are not supported")

        with cx.inside(frame.scope, frame.instance, f"{frame.instance.name}."):
            return cx.collect(run)

    def _name(self, step: Step) -> str:
        name = self._names.get(step)
        if name is None:
            count = self._used.get(step.state, 0)
            self._used[step.state] = count + 1
            name = f"{step.state}_{count}" if count else step.state
            self._names[step] = name
            self._waiting.append(step)
        return name

    # ------------------------------------------------------------------ one state

    def _state(self, step: Step, prologue: ir.Body) -> ir.State:
        cx, frame = self._cx, step.frame
        state = frame.states[step.state]
        cx.indices = dict(step.indices)
        cx.out = list(prologue)
        if step.returning is not None:
            cx.out.extend(step.returning.copy_out)
        transition: str | ir.Select | None = None
        with cx.inside(frame.scope, frame.instance, f"{frame.instance.name}."):
            for number, s in enumerate(state.statements[step.start :], start=step.start):
                call = _sub_parser(cx, s)
                if call is not None:
                    transition = self._enter(step, number, s, call)
                    break
                cx.statement(s)
                if _rejected(cx.out):
                    transition = "reject"
                    break
            if transition is None:
                transition = self._transition(frame, state.transition)
                if _rejected(cx.out):
                    transition = "reject"
        body = tuple(cx.out)
        cx.out, cx.indices = [], None
        return ir.State(self._names[step], body, transition, state.span)

    def _transition(self, frame: Frame, transition: ast.Goto | ast.Select) -> str | ir.Select:
        if isinstance(transition, ast.Goto):
            return self._goto(frame, transition.state)
        cx = self._cx
        found = cx.values(list(transition.keys))
        values = tuple(scalar(v, k.span) for v, k in zip(found, transition.keys, strict=True))
        cases = []
        for case in transition.cases:
            components = case.keysets
            if len(components) == 1 and len(values) > 1 and isinstance(components[0], ast.ListExpression):
                components = components[0].elements
            if len(components) == 1 and isinstance(components[0], ast.AnyValue):
                components *= len(values)
            target = self._goto(frame, case.state)
            for sets in keysets(cx, components, [v.type for v in values]):
                cases.append(ir.SelectCase(sets, target, case.span))
        return ir.Select(tuple(map(key, values)), tuple(cases), transition.span)

    def _goto(self, frame: Frame, state: str) -> str:
        indices = self._positions()
        if state == "reject":
            return "reject"
        if state != "accept":
            return self._name(Step(frame, state, 0, None, indices))
        if frame.after is None:
            return "accept"
        back = frame.after
        return self._name(Step(back.frame, back.state, back.start, frame, indices))

    def _positions(self) -> Indices:
        return tuple(sorted((self._cx.indices or {}).items()))

    # ------------------------------------------------------------------ sub-parsers

    def _enter(self, step: Step, number: int, s: ast.Statement, call: ResolvedCall) -> str:
        """Goes to the start of the sub-parser that statement `number` applies."""
        cx, outer = self._cx, step.frame
        entry = s, self._positions()
        known = outer.calls.get(entry)
        if known is None:
            if isinstance(s, ast.DirectApplication):
                target = anonymous_instance(cx, s, call)
            else:
                assert call.receiver is not None
                found = cx.value(call.receiver)
                assert isinstance(found, Instance)
                target = found
            known = self._entered(Step(outer, step.state, number + 1), target, call, s.span)
            outer.calls[entry] = known
        cx.out.extend(known.copy_in)
        cx.indices = dict(known.indices)
        return self._goto(known.frame, "start")

    def _entered(self, after: Step, target: Instance, call: ResolvedCall, span: Span) -> Entered:
        cx, declaration = self._cx, target.declaration
        assert isinstance(declaration, ast.ParserDeclaration)
        scope = Scope(target.scope)
        copy_out: list[ir.Statement] = []

        def bind() -> None:
            written = cx.writes.of(declaration)
            copy_out.extend(
                pass_arguments(cx, call.arguments, scope, target.name, written, isolated=True, span=span)
            )

        copy_in = cx.collect(bind)
        states = {s.name: s for s in declaration.states}
        frame = Frame(target, declaration, scope, states, after, tuple(copy_out))
        return Entered(frame, (*copy_in, *self._locals(frame)), self._positions())


def _sub_parser(cx: Context, s: ast.Statement) -> ResolvedCall | None:
    if isinstance(s, ast.CallStatement):
        call = cx.typed.calls[s.call]
    elif isinstance(s, ast.DirectApplication):
        call = cx.typed.calls[s]
    else:
        return None
    return call if call.kind == "apply_parser" else None


def _rejected(out: list[ir.Statement]) -> bool:
    """Whether the parser has certainly ended: next or last of a stack was out of bounds."""
    return any(isinstance(s, ir.Verify) and s.condition == FALSE for s in out)


def _in_order(states: list[ir.State]) -> list[ir.State]:
    """The start first, and every state after those that lead to it, as far as loops allow."""
    by_name = {s.name: s for s in states}
    seen: set[str] = set()
    order: list[ir.State] = []
    stack: list[tuple[str, bool]] = [(states[0].name, False)]
    while stack:
        name, done = stack.pop()
        if done:
            order.append(by_name[name])
        elif name in by_name and name not in seen:
            seen.add(name)
            stack.append((name, True))
            stack.extend((n, False) for n in _successors(by_name[name]))
    return order[::-1]


def _successors(state: ir.State) -> list[str]:
    if isinstance(state.transition, str):
        return [state.transition]
    return [c.state for c in reversed(state.transition.cases)]
