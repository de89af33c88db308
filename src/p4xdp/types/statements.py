"""Statements (specification, section 11)."""

from __future__ import annotations

from dataclasses import replace

from p4xdp.source import P4Error, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.expressions import ExpressionChecker
from p4xdp.types.model import BOOL, Type
from p4xdp.types.program import Constant
from p4xdp.types.relations import as_bits, storable


class StatementChecker(ExpressionChecker):
    def block(self, node: ast.Block) -> None:
        with self.scope():
            for statement in node.statements:
                name = getattr(statement, "name", None)
                with self.recorded(*([name] if isinstance(name, str) else [])):
                    self.statement(statement)

    def statement(self, node: ast.Statement) -> None:
        match node:
            case ast.Assignment():
                self._assignment(node)
            case ast.CallStatement():
                self.infer(node.call)
            case ast.Block():
                self.block(node)
            case ast.If():
                self._if(node)
            case ast.VariableDeclaration():
                self.variable(node)
            case ast.ConstantDeclaration():
                self.constant_declaration(node)
            case ast.Switch():
                self._switch(node)
            case ast.Return():
                self._return(node)
            case ast.Exit():
                if self.scopes.body.kind not in ("control", "action"):
                    raise P4Error(node.span, "'exit' stands in a control or an action only")
            case ast.Empty():
                pass
            case ast.DirectApplication():
                self.direct_application(node)
            case ast.Instantiation():
                message = "an instance is made before 'apply', not inside it"
                raise P4Error(node.span, message)
            case ast.For() | ast.ForIn():
                self._loop(node)
            case ast.Break() | ast.Continue():
                if not self.scopes.body.in_loop:
                    word = "break" if isinstance(node, ast.Break) else "continue"
                    raise P4Error(node.span, f"'{word}' stands in a loop only")

    def _assignment(self, node: ast.Assignment) -> None:
        target = self.infer(node.target)
        self.require_writable(node.target, "assignment")
        if node.op is None:
            self.check(node.value, target, "the value assigned")
            return
        value = self.infer(node.value)
        result = self.binary(ast.Binary(node.span, node.op, node.target, node.value))
        if result != target:
            raise P4Error(node.span, f"'{node.op}=' cannot change {target} by {value}")

    def _if(self, node: ast.If) -> None:
        with self.recorded():
            self.check(node.condition, BOOL, "a condition")
        for branch in (node.then, node.other):
            if branch is not None:
                with self.scope(), self.recorded():
                    self.statement(branch)

    def _return(self, node: ast.Return) -> None:
        body = self.scopes.body
        if body.kind == "state":
            raise P4Error(node.span, "a state is left by 'transition', not by 'return'")
        if node.value is None:
            if not isinstance(body.result, model.Void):
                raise P4Error(node.span, f"this function returns {body.result}, so 'return' needs a value")
        elif isinstance(body.result, model.Void):
            raise P4Error(node.span, f"'return' in {_a(body.kind)} without a result takes no value")
        else:
            self.check(node.value, body.result, "the value returned")

    # ----------------------------------------------------------------- variables and constants

    def variable(self, node: ast.VariableDeclaration) -> None:
        type_ = self.resolve(node.type)
        if isinstance(type_, model.Int):
            raise P4Error(node.span, "'int' is for constants; a variable needs a width, e.g. bit<32>")
        if isinstance(type_, model.Extern | model.Control | model.Parser):
            raise P4Error(node.span, f"{type_} is instantiated with parentheses: {type_}(…) {node.name};")
        if not storable(type_):
            raise P4Error(node.span, f"a variable cannot be of type {type_}")
        if node.initializer is not None:
            self.check(node.initializer, type_, f"the value of '{node.name}'")
        self.typed.variables[node] = type_
        self.scopes.declare(node.name, node)

    def constant_declaration(self, node: ast.ConstantDeclaration) -> None:
        type_ = self.resolve(node.type)
        self.check(node.value, type_, f"the value of '{node.name}'")
        if not self.compile_time(node.value):
            raise P4Error(
                node.value.span, f"the value of constant '{node.name}' must be known at compile time"
            )
        self.typed.variables[node] = type_
        self.scopes.declare(node.name, node)

    # ----------------------------------------------------------------- switch

    def _switch(self, node: ast.Switch) -> None:
        if self.scopes.body.kind == "state":
            raise P4Error(node.span, "a parser chooses by 'transition select', not by 'switch'")
        subject = self.infer(node.subject)
        seen: set[Constant] = set()
        for position, case in enumerate(node.cases):
            with self.recorded():
                if isinstance(case.label, ast.AnyValue):
                    if position + 1 < len(node.cases):
                        raise P4Error(case.span, "'default' comes last in a switch")
                elif isinstance(subject, model.ActionRun):
                    self._action_label(case.label, subject, seen)
                else:
                    self._value_label(case.label, subject, seen)
            if case.body is not None:
                self.block(case.body)

    def _action_label(self, label: ast.Expression, subject: model.ActionRun, seen: set[Constant]) -> None:
        table = subject.table
        if not isinstance(label, ast.Path):
            raise P4Error(label.span, "a case of action_run is the name of an action")
        actions = {ref.name.name: ref.name for ref in table.actions}
        if label.name not in actions:
            hint = self.suggestion(label.name, list(actions))
            raise P4Error(label.span, f"table {table.name} has no action '{label.name}'{hint}")
        self._once(label, label.name, seen)
        declaration = self.typed.declarations.get(actions[label.name])
        if declaration is not None:
            self.typed.declarations[label] = declaration
            self.typed.types[label] = subject

    def _value_label(self, label: ast.Expression, subject: Type, seen: set[Constant]) -> None:
        if isinstance(subject, model.Int):
            raise P4Error(label.span, "switch on a value with a width")
        self.check(label, subject, "a case (like the value switched on)")
        value = self.constant(label)
        if value is None:
            raise P4Error(label.span, "a case must be known at compile time")
        self._once(label, value, seen)

    def _once(self, label: ast.Expression, value: Constant, seen: set[Constant]) -> None:
        if value in seen:
            raise P4Error(label.span, "this case is there already")
        seen.add(value)

    # ----------------------------------------------------------------- loops

    def _loop(self, node: ast.For | ast.ForIn) -> None:
        if self.scopes.body.kind == "state":
            raise P4Error(node.span, "a parser loops by its transitions, not by 'for'")
        body = replace(self.scopes.body, in_loop=True)
        with self.scope(body):
            if isinstance(node, ast.ForIn):
                self._collection(node)
            else:
                for statement in node.init:
                    self.statement(statement)
                self.check(node.condition, BOOL, "the condition of 'for'")
                for statement in node.update:
                    self.statement(statement)
            with self.recorded():
                self.statement(node.body)

    def _collection(self, node: ast.ForIn) -> None:
        type_ = self.resolve(node.type)
        collection = node.collection
        match collection:
            case ast.Range():
                if as_bits(type_) is None:
                    raise P4Error(node.span, f"a range has numbers; '{node.name}' cannot be {type_}")
                self.check(collection.low, type_, "the lower end of the range")
                self.check(collection.high, type_, "the upper end of the range")
                self.typed.types[collection] = model.Set(type_)
            case ast.ListExpression():
                for element in collection.elements:
                    self.check(element, type_, "an element of the list")
                self.typed.types[collection] = model.List(type_)
            case _:
                found = self.infer(collection)
                if not isinstance(found, model.Stack | model.List):
                    raise P4Error(
                        collection.span, f"'for' goes over a range, list or header stack, not {found}"
                    )
                if found.element != type_:
                    raise P4Error(node.span, f"'{node.name}' must be {found.element}, not {type_}")
                if isinstance(found, model.List):
                    raise Unsupported(
                        collection.span, "p4xdp cannot loop over lists that are not written out"
                    )
        self.typed.variables[node] = type_
        self.scopes.declare(node.name, node)


def always_returns(statement: ast.Statement) -> bool:
    """Whether no way through leads past its end."""
    match statement:
        case ast.Return() | ast.Exit():
            return True
        case ast.Block():
            return any(map(always_returns, statement.statements))
        case ast.If():
            other = statement.other
            return other is not None and always_returns(statement.then) and always_returns(other)
        case ast.Switch():
            bodies = [c.body for c in statement.cases if c.body is not None]
            complete = bool(statement.cases) and isinstance(statement.cases[-1].label, ast.AnyValue)
            return complete and all(map(always_returns, bodies))
    return False


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
