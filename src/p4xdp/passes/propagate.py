"""Propagates what is known: constants, copies, validity, and what a branch's condition says.

Facts hold along the straight line of statements; where ways meet again, those that hold on all of them
stay. What becomes constant folds, branches that cannot be taken and code behind a Leave go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import FALSE, TRUE, const
from p4xdp.passes.rewrite import Key, Leaf, key, rewrite, with_applied_tables

# What a place holds: an expression, and the place that it is a copy of with the version it had then.
Fact = tuple[ir.Expr, Key | None, int]


def propagate(program: ir.Program) -> ir.Program:
    worker = _Propagation()
    states = tuple(worker.state(s) for s in program.parser.states)
    return with_applied_tables(
        replace(
            program,
            parser=replace(program.parser, states=states),
            verify=worker.run(program.verify),
            ingress=worker.run(program.ingress),
            egress=worker.run(program.egress),
            compute=worker.run(program.compute),
            deparser=worker.run(program.deparser),
        )
    )


class _Facts:
    """What is known at one point. A place's version changes with every write to it."""

    __slots__ = ("known", "versions")

    def __init__(self, known: dict[Key, Fact], versions: dict[Key, int]) -> None:
        self.known = known
        self.versions = versions

    def copy(self) -> _Facts:
        return _Facts(self.known.copy(), self.versions.copy())


class _Propagation:
    def __init__(self) -> None:
        self._facts: _Facts | None = _Facts({}, {})  # None: not reachable
        self._version = 0
        self._left: dict[str, list[_Facts]] = {}

    def run(self, body: ir.Body) -> ir.Body:
        """`body` entered with nothing known."""
        self._facts = _Facts({}, {})
        return self._body(body)

    def state(self, state: ir.State) -> ir.State:
        body = self.run(state.body)
        if self._facts is None:
            return replace(state, body=body, transition="reject")
        transition = state.transition
        if isinstance(transition, ir.Select):
            keys = tuple(self._expr(k) for k in transition.keys)
            transition = replace(transition, keys=keys)
        return replace(state, body=body, transition=transition)

    # ------------------------------------------------------------------ facts

    def _leaf(self, e: Leaf) -> ir.Expr:
        assert self._facts is not None
        facts = self._facts
        place = ("valid", e.header.name) if type(e) is ir.IsValid else key(e.place)  # type: ignore[union-attr]
        fact = facts.known.get(place)
        if fact is None:
            return e
        value, source, version = fact
        return value if source is None or facts.versions.get(source, 0) == version else e

    def _expr(self, e: ir.Expr) -> ir.Expr:
        return rewrite(e, self._leaf)

    def _write(self, place: Key, value: ir.Expr | None = None) -> None:
        """`place` is written: with `value`, or with something unknown."""
        assert self._facts is not None
        facts = self._facts
        self._version += 1
        facts.versions[place] = self._version
        facts.known.pop(place, None)
        if value is not None:
            self._learn(place, value)

    def _learn(self, place: Key, value: ir.Expr) -> None:
        assert self._facts is not None
        if isinstance(value, ir.Const):
            self._facts.known[place] = (value, None, 0)
        elif isinstance(value, ir.Load) and (source := key(value.place)) != place:
            self._facts.known[place] = (value, source, self._facts.versions.get(source, 0))

    def _assume(self, condition: ir.Expr, holds: bool) -> None:
        """What follows from a branch's condition."""
        match condition:
            case ir.Load():
                self._learn(key(condition.place), TRUE if holds else FALSE)
            case ir.IsValid():
                self._learn(("valid", condition.header.name), TRUE if holds else FALSE)
            case ir.Unary(op="!"):
                self._assume(condition.operand, not holds)
            case ir.Binary(op="&&") if holds:
                self._assume(condition.left, True)
                self._assume(condition.right, True)
            case ir.Binary(op="||") if not holds:
                self._assume(condition.left, False)
                self._assume(condition.right, False)
            case ir.Binary(op=("==" | "!=") as op, left=ir.Load(place=place), right=ir.Const() as value):
                if holds == (op == "=="):
                    self._learn(key(place), value)

    def _meet(self, ways: Sequence[_Facts | None]) -> None:
        """Continues with what holds on all `ways` that get here."""
        reached = [w for w in ways if w is not None]
        if len(reached) <= 1:
            self._facts = reached[0] if reached else None
            return
        first, rest = reached[0], reached[1:]
        versions = first.versions
        for other in rest:
            for place, version in other.versions.items():
                if versions.get(place, 0) != version:
                    self._version += 1
                    versions[place] = self._version
            for place in first.versions.keys() - other.versions.keys():
                self._version += 1
                versions[place] = self._version
        known = {p: f for p, f in first.known.items() if all(_same(w.known.get(p), f) for w in rest)}
        self._facts = _Facts(known, versions)

    # ------------------------------------------------------------------ statements

    def _body(self, body: ir.Body) -> ir.Body:
        made: list[ir.Statement] = []
        for s in body:
            if self._facts is None:
                break
            self._statement(s, made)
        same = len(made) == len(body) and all(a is b for a, b in zip(made, body, strict=True))
        return body if same else tuple(made)

    def _statement(self, s: ir.Statement, made: list[ir.Statement]) -> None:
        match s:
            case ir.Assign():
                self._assign(s, made)
            case ir.If():
                self._if(s, made)
            case ir.Switch():
                self._switch(s, made)
            case ir.Block():
                self._block(s, made)
            case ir.Leave():
                assert self._facts is not None
                self._left.setdefault(s.label, []).append(self._facts)
                self._facts = None
                made.append(s)
            case ir.Atomic():
                body = self._body(s.body)
                made.append(s if body is s.body else replace(s, body=body))
            case ir.ApplyTable():
                made.append(self._apply(s))
            case _:
                self._simple(s, made)

    def _assign(self, s: ir.Assign, made: list[ir.Statement]) -> None:
        place, value = key(s.place), self._expr(s.value)
        if isinstance(value, ir.Load) and key(value.place) == place:
            return
        if isinstance(value, ir.Const) and self._holds(place, value):
            return
        made.append(s if value is s.value else replace(s, value=value))
        self._write(place, value)

    def _holds(self, place: Key, value: ir.Const) -> bool:
        assert self._facts is not None
        fact = self._facts.known.get(place)
        return fact is not None and isinstance(fact[0], ir.Const) and fact[0].value == value.value

    def _simple(self, s: ir.Statement, made: list[ir.Statement]) -> None:
        """Statements without others inside, rewritten, and what they write."""
        match s:
            case ir.AssignSlice():
                made.append(self._replaced(s, value=self._expr(s.value)))
                self._write(key(s.place))
            case ir.SetValidity():
                valid, place = self._expr(s.valid), ("valid", s.header.name)
                if isinstance(valid, ir.Const) and self._holds(place, valid):
                    return
                made.append(self._replaced(s, valid=valid))
                self._write(place, valid if isinstance(valid, ir.Const) else None)
            case ir.RegisterRead():
                made.append(self._replaced(s, index=self._expr(s.index)))
                self._write(key(s.target))
            case ir.RegisterWrite():
                made.append(self._replaced(s, index=self._expr(s.index), value=self._expr(s.value)))
            case ir.Count():
                made.append(self._replaced(s, index=self._expr(s.index)))
            case ir.Extract():
                made.append(s)
                for f in s.header.fields:
                    self._write((s.header.name, f.name))
                self._write(("valid", s.header.name), TRUE)
            case ir.Advance():
                made.append(self._replaced(s, bits=self._expr(s.bits)))
            case ir.Lookahead():
                made.append(s)
                self._write(key(s.target))
            case ir.Verify():
                self._verify(s, made)
            case ir.Emit():
                if self._leaf(ir.IsValid(s.header)) != FALSE:
                    made.append(s)
            case ir.LogMessage():
                made.append(replace(s, arguments=tuple(map(self._expr, s.arguments))))

    def _replaced(self, s: ir.Statement, **parts: ir.Expr) -> ir.Statement:
        same = all(getattr(s, name) is value for name, value in parts.items())
        return s if same else replace(s, **parts)  # type: ignore[arg-type]

    def _verify(self, s: ir.Verify, made: list[ir.Statement]) -> None:
        condition = self._expr(s.condition)
        if condition == TRUE:
            return
        made.append(self._replaced(s, condition=condition))
        if condition == FALSE:
            self._facts = None
        else:
            self._assume(condition, True)

    def _if(self, s: ir.If, made: list[ir.Statement]) -> None:
        condition = self._expr(s.condition)
        if isinstance(condition, ir.Const):
            made.extend(self._body(s.then if condition.value else s.other))
            return
        assert self._facts is not None
        before = self._facts
        self._facts = before.copy()
        self._assume(condition, True)
        then = self._body(s.then)
        after_then = self._facts
        self._facts = before
        self._assume(condition, False)
        other = self._body(s.other)
        self._meet([after_then, self._facts])
        same = condition is s.condition and then is s.then and other is s.other
        made.append(s if same else replace(s, condition=condition, then=then, other=other))

    def _switch(self, s: ir.Switch, made: list[ir.Statement]) -> None:
        subject = self._expr(s.subject)
        if isinstance(subject, ir.Const):
            chosen = next((b for values, b in s.cases if subject.value in values), s.default)
            made.extend(self._body(chosen))
            return
        assert self._facts is not None
        before, ways, cases = self._facts, [], []
        for values, body in s.cases:
            self._facts = before.copy()
            if len(values) == 1 and isinstance(subject, ir.Load):
                self._learn(key(subject.place), const(values[0], subject.type))
            cases.append((values, self._body(body)))
            ways.append(self._facts)
        self._facts = before
        default = self._body(s.default)
        self._meet([*ways, self._facts])
        made.append(replace(s, subject=subject, cases=tuple(cases), default=default))

    def _block(self, s: ir.Block, made: list[ir.Statement]) -> None:
        body = self._body(s.body)
        left = self._left.pop(s.label, [])
        self._meet([self._facts, *left])
        if left:
            made.append(s if body is s.body else replace(s, body=body))
        else:
            made.extend(body)

    def _apply(self, s: ir.ApplyTable) -> ir.ApplyTable:
        table = s.table
        keys = tuple(replace(k, expr=self._expr(k.expr)) for k in table.keys)
        assert self._facts is not None
        before, ways, actions = self._facts, [], []
        for result in (s.hit, s.action_run):
            if result is not None:
                self._write(key(result))
        for action in table.actions:
            self._facts = before.copy()
            for p in action.parameters:
                self._write(key(p))
            body = self._body(action.body)
            actions.append(action if body is action.body else replace(action, body=body))
            if self._facts is not None:  # action data are gone when the action ends
                for p in action.parameters:
                    self._write(key(p))
            ways.append(self._facts)
        self._meet(ways)
        return replace(s, table=replace(table, keys=keys, actions=tuple(actions)))


def _same(a: Fact | None, b: Fact) -> bool:
    if a is None:
        return False
    if b[1] is None or a[1] is None:
        return a[1] is None and b[1] is None and a[0] == b[0]
    return a[1] == b[1] and a[2] == b[2]
