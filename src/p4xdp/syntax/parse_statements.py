"""Annotations, parameters and statements."""

from __future__ import annotations

from typing import cast

from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast
from p4xdp.syntax.parse_expressions import PRECEDENCE, ExpressionParser

MAX_BRANCHES = 200
_COMPOUND = frozenset(
    op + "=" for op in PRECEDENCE if op not in ("==", "!=", "<", ">", "<=", ">=", "||", "&&", "++", ">>")
)


class StatementParser(ExpressionParser):
    # ----------------------------------------------------------------- annotations and parameters

    def annotations(self) -> ast.Annotations:
        found: list[ast.Annotation] = []
        while self.at("@"):
            found.append(self._annotation())
        return tuple(found)

    def _annotation(self) -> ast.Annotation:
        self.take()
        token = self.take()
        if not (token.text[:1].isalpha() or token.text.startswith("_")):
            raise P4Error(token.span, "expected the name of an annotation after '@'")
        if token.text == "pragma":
            return self._pragma()
        if self.at("("):
            return self._unstructured(token.text, token.span)
        if self.accept("["):
            values, pairs = self._annotation_values("]")
            self.expect("]", "to close the annotation")
            return ast.Annotation(token.span, token.text, None, values, pairs, structured=True)
        return ast.Annotation(token.span, token.text)

    def _pragma(self) -> ast.Annotation:
        """`@pragma name text` up to the end of the line."""
        token = self.name("a pragma")
        body: list[str] = []
        while not self.at("end") and self.token.span.line == token.span.line:
            body.append(self.take().text)
        return ast.Annotation(token.span, token.text, " ".join(body))

    def _unstructured(self, name: str, span: Span) -> ast.Annotation:
        start = self.index + 1
        depth = 0
        while True:
            token = self.take()
            depth += (token.kind == "(") - (token.kind == ")")
            if token.kind == "end":
                raise P4Error(span, f"the body of @{name} is not closed by ')'")
            if depth == 0:
                break
        end = self.index
        body = " ".join(token.text for token in self.tokens[start : end - 1])
        self.index = start
        values: tuple[ast.Expression, ...] = ()
        pairs: tuple[ast.NamedField, ...] = ()
        try:
            found_values, found_pairs = self._annotation_values(")")
            if self.index == end - 1:
                values, pairs = found_values, found_pairs
        except P4Error:
            pass  # free text: `body` has it
        self.index = end
        return ast.Annotation(span, name, body, values, pairs)

    def _annotation_values(self, close: str) -> tuple[tuple[ast.Expression, ...], tuple[ast.NamedField, ...]]:
        values: list[ast.Expression] = []
        pairs: list[ast.NamedField] = []
        while not self.at(close):
            if self.at("name") and self.ahead().kind == "=":
                pairs.append(self.named_field())
            else:
                values.append(self.expression())
            if not self.accept(","):
                break
        return tuple(values), tuple(pairs)

    def parameters(self) -> tuple[ast.Parameter, ...]:
        """`(direction type name = default, …)`; the names are declared in the current scope."""
        self.expect("(", "before parameters")
        parameters: list[ast.Parameter] = []
        while not self.at(")"):
            annotations = self.annotations()
            direction: ast.Direction = ""
            if self.token.kind in ("in", "out", "inout"):
                direction = cast(ast.Direction, self.take().kind)
            type_ref = self.type_ref()
            token = self.name("a parameter")
            self.declare(token.text, is_type=False)
            default = self.expression() if self.accept("=") else None
            parameters.append(
                ast.Parameter(token.span, token.text, direction, type_ref, default, annotations)
            )
            if not self.accept(","):
                break
        self.expect(")", "after parameters")
        return tuple(parameters)

    # ----------------------------------------------------------------- statements

    def block(self, annotations: ast.Annotations = ()) -> ast.Block:
        span = self.expect("{", "to open a block").span
        with self.scope(), self.deeper():
            statements: list[ast.Statement] = []
            while not self.at("}"):
                if self.at("end"):
                    raise self.error("this block is not closed by '}'", span, found=False)
                statements.append(self.statement())
        self.take()
        return ast.Block(span, tuple(statements), annotations)

    def statement(self) -> ast.Statement:
        annotations = self.annotations()
        token = self.token
        match token.kind:
            case "{":
                return self.block(annotations)
            case ";":
                return ast.Empty(self.take().span)
            case "if":
                return self._if()
            case "switch":
                return self._switch()
            case "for":
                return self._for(annotations)
            case "const":
                return self.constant(annotations)
            case "return":
                self.take()
                value = None if self.at(";") else self.expression()
                return self._ended(ast.Return(token.span, value))
            case "exit":
                return self._ended(ast.Exit(self.take().span))
            case "break":
                return self._ended(ast.Break(self.take().span))
            case "continue":
                return self._ended(ast.Continue(self.take().span))
        if self.at_declaration():
            return self.typed_statement(annotations)
        return self._ended(self._assignment_or_call())

    def _ended(self, statement: ast.Statement) -> ast.Statement:
        self.expect(";", "at the end of this statement")
        return statement

    def at_declaration(self) -> bool:
        """At a type: either one that is known, or a name that can only be meant as one (`foo bar`)."""
        return self.at_type() or (self.at("name") and self.ahead().kind == "name")

    def typed_statement(self, annotations: ast.Annotations) -> ast.Statement:
        """What starts with a type: a variable, an instance, or `Type.apply(…);`."""
        start = self.token
        type_ref = self.type_ref()
        if self.at("(") and isinstance(type_ref, ast.NamedType):
            return self.instantiation(type_ref, annotations)
        if self.accept("."):
            self.expect_word("apply", "after a type's name")
            if not isinstance(type_ref, ast.NamedType):
                raise P4Error(start.span, "only a control or parser can be applied")
            return self._ended(ast.DirectApplication(start.span, type_ref, self.arguments()))
        return self.variable(type_ref, annotations)

    def variable(self, type_ref: ast.TypeRef, annotations: ast.Annotations) -> ast.VariableDeclaration:
        token = self.name("a variable")
        initializer = self.expression() if self.accept("=") else None
        self.expect(";", "after the declaration of a variable")
        self.declare(token.text, is_type=False)
        return ast.VariableDeclaration(token.span, token.text, type_ref, initializer, annotations)

    def constant(self, annotations: ast.Annotations) -> ast.ConstantDeclaration:
        self.take()
        type_ref = self.type_ref()
        token = self.name("a constant")
        self.expect("=", "before the value of a constant")
        value = self.expression()
        self.expect(";", "after the value of a constant")
        self.declare(token.text, is_type=False)
        return ast.ConstantDeclaration(token.span, token.text, type_ref, value, annotations)

    def instantiation(self, type_ref: ast.NamedType, annotations: ast.Annotations) -> ast.Instantiation:
        """From the arguments on: `(…) name;` or `(…) name = { … };`."""
        arguments = self.arguments()
        token = self.name("an instance")
        self.declare(token.text, is_type=False)
        initializer: list[ast.FunctionDeclaration | ast.Instantiation] | None = None
        if self.accept("="):
            initializer = []
            self.expect("{", "to open the instance's methods")
            while not self.at("}"):
                inner = self.annotations()
                result = self.type_ref()
                if self.at("(") and isinstance(result, ast.NamedType):
                    initializer.append(self.instantiation(result, inner))
                else:
                    initializer.append(self.function(result, inner))
            self.take()
        self.expect(";", "after an instance")
        methods = None if initializer is None else tuple(initializer)
        return ast.Instantiation(token.span, token.text, type_ref, arguments, methods, annotations)

    def prototype(self, result: ast.TypeRef | None, annotations: ast.Annotations) -> ast.FunctionPrototype:
        """`name<T>(parameters)` after the result type; declares them in the current scope."""
        token = self.name("a function")
        type_parameters = self.type_parameters()
        parameters = self.parameters()
        return ast.FunctionPrototype(
            token.span, token.text, result, type_parameters, parameters, False, annotations
        )

    def function(self, result: ast.TypeRef, annotations: ast.Annotations) -> ast.FunctionDeclaration:
        with self.scope():
            prototype = self.prototype(result, annotations)
            body = self.block()
        self.declare(prototype.name, is_type=False)
        return ast.FunctionDeclaration(prototype.span, prototype, body)

    def _assignment_or_call(self) -> ast.Statement:
        target = self.postfix(self.primary())
        token = self.token
        if token.kind == "=":
            self.take()
            return ast.Assignment(token.span, target, self.expression())
        if token.kind in _COMPOUND:
            self.take()
            return ast.Assignment(token.span, target, self.expression(), cast(ast.BinaryOp, token.kind[:-1]))
        if token.kind == ">" and self.ahead().kind == ">=":
            self.index += 2
            return ast.Assignment(token.span, target, self.expression(), ">>")
        if isinstance(target, ast.Call):
            return ast.CallStatement(target.span, target)
        raise self.error("expected '=' or a call: a value alone is not a statement")

    def _if(self) -> ast.If:
        """One `if` and all its `else if`, which nest in the tree but not here."""
        branches: list[tuple[Span, ast.Expression, ast.Statement]] = []
        other: ast.Statement | None = None
        with self.deeper():
            while len(branches) < MAX_BRANCHES:
                span = self.expect("if", "here").span
                self.expect("(", "after 'if'")
                condition = self.expression()
                self.expect(")", "after the condition of 'if'")
                branches.append((span, condition, self.statement()))
                if not self.accept("else"):
                    break
                if not self.at("if"):
                    other = self.statement()
                    break
            else:
                raise self.error(f"more than {MAX_BRANCHES} 'else if'; use a table or a switch", found=False)
        for span, condition, then in reversed(branches):
            other = ast.If(span, condition, then, other)
        assert isinstance(other, ast.If)
        return other

    def _switch(self) -> ast.Switch:
        span = self.take().span
        self.expect("(", "after 'switch'")
        subject = self.expression()
        self.expect(")", "after what 'switch' looks at")
        self.expect("{", "to open the cases of 'switch'")
        cases: list[ast.SwitchCase] = []
        while not self.at("}"):
            label: ast.Expression
            if self.at("default"):
                label = ast.AnyValue(self.take().span)
            else:
                label = self.expression()
            self.expect(":", "after the label of a case")
            cases.append(ast.SwitchCase(label.span, label, self.block() if self.at("{") else None))
        self.take()
        return ast.Switch(span, subject, tuple(cases))

    def _for(self, annotations: ast.Annotations) -> ast.For | ast.ForIn:
        span = self.take().span
        self.expect("(", "after 'for'")
        with self.scope(), self.deeper():
            inner = self.annotations()
            if self.at_declaration():
                type_ref = self.type_ref()
                token = self.name("a loop variable")
                if self.accept("in"):
                    collection = self.keyset()
                    self.declare(token.text, is_type=False)
                    self.expect(")", "after the collection of 'for'")
                    body = self.statement()
                    return ast.ForIn(token.span, type_ref, token.text, collection, body, annotations)
                value = self.expression() if self.accept("=") else None
                self.declare(token.text, is_type=False)
                init = [
                    ast.VariableDeclaration(token.span, token.text, type_ref, value, inner),
                    *(self._loop_steps(";") if self.accept(",") else ()),
                ]
            else:
                init = self._loop_steps(";")
            self.expect(";", "after the start of 'for'")
            condition = self.expression()
            self.expect(";", "after the condition of 'for'")
            update = self._loop_steps(")")
            self.expect(")", "after the step of 'for'")
            body = self.statement()
        return ast.For(span, tuple(init), condition, tuple(update), body, annotations)

    def _loop_steps(self, close: str) -> list[ast.Statement]:
        """Assignments, calls and declarations, separated by commas."""
        steps: list[ast.Statement] = []
        while not self.at(close):
            if self.at_declaration():
                type_ref = self.type_ref()
                token = self.name("a loop variable")
                value = self.expression() if self.accept("=") else None
                self.declare(token.text, is_type=False)
                steps.append(ast.VariableDeclaration(token.span, token.text, type_ref, value))
            else:
                steps.append(self._assignment_or_call())
            if not self.accept(","):
                break
        return steps
