"""Parsers: locals, states, transitions (specification, section 12)."""

from __future__ import annotations

from p4xdp.source import P4Error
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.model import Type
from p4xdp.types.relations import is_scalar
from p4xdp.types.scope import Body
from p4xdp.types.tables import TableChecker

_FINAL = frozenset({"accept", "reject"})


class ParserChecker(TableChecker):
    def parser_body(self, node: ast.ParserDeclaration) -> None:
        for local in node.locals:
            with self.recorded(local.name):
                self._parser_local(local)
        states: set[str] = set()
        for state in node.states:
            with self.recorded():
                if state.name in _FINAL:
                    raise P4Error(state.span, f"state '{state.name}' is built in and cannot be declared")
                if state.name in states:
                    raise P4Error(state.span, f"there is already a state '{state.name}'")
            states.add(state.name)
        if "start" not in states:
            raise P4Error(node.span, f"parser {node.name} needs a state 'start'")
        for state in node.states:
            with self.scope(Body("state")):
                self._state(state, states | _FINAL)

    def _parser_local(self, local: ast.ParserLocal) -> None:
        match local:
            case ast.Instantiation():
                self.instantiation(local)
            case ast.ConstantDeclaration():
                self.constant_declaration(local)
            case ast.VariableDeclaration():
                self.variable(local)
            case ast.ValueSet():
                element = self.resolve(local.type)
                self.number(local.size, "the size of a value_set", 1)
                self.typed.variables[local] = model.Set(element)
                self.scopes.declare(local.name, local)

    def _state(self, state: ast.ParserState, states: set[str] | frozenset[str]) -> None:
        for statement in state.statements:
            name = getattr(statement, "name", None)
            with self.recorded(*([name] if isinstance(name, str) else [])):
                self.statement(statement)
        with self.recorded():
            transition = state.transition
            if isinstance(transition, ast.Goto):
                self._goto(transition.state, transition, states)
            else:
                self._select(transition, states)

    def _goto(self, name: str, node: ast.Node, states: set[str] | frozenset[str]) -> None:
        if name not in states:
            hint = self.suggestion(name, sorted(states))
            raise P4Error(node.span, f"there is no state '{name}'{hint}")

    def _select(self, select: ast.Select, states: set[str] | frozenset[str]) -> None:
        types: list[Type] = []
        for key in select.keys:
            type_ = self.infer(key)
            if isinstance(type_, model.Int):
                raise P4Error(key.span, "select on a value with a width, e.g. 8w1")
            if not is_scalar(type_):
                raise P4Error(key.span, f"select looks at numbers, bools, enums and errors, not at {type_}")
            types.append(type_)
        if not types:
            raise P4Error(select.span, "select needs something to look at")
        for case in select.cases:
            with self.recorded():
                self.keysets(case.keysets, types, case.span, "this select")
            with self.recorded():
                self._goto(case.state, case, states)
