"""Top-level declarations, controls, parsers and their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast
from p4xdp.syntax.parse_statements import StatementParser
from p4xdp.syntax.parse_tables import TableParser

BlockType: TypeAlias = ast.ParserType | ast.ControlType | ast.PackageType
_BLOCK_TYPES: dict[str, Callable[..., BlockType]] = {
    "parser": ast.ParserType,
    "control": ast.ControlType,
    "package": ast.PackageType,
}


class DeclarationParser(TableParser, StatementParser):
    def program(self, path: str, digest: str) -> ast.Program:
        declarations: list[ast.Declaration] = []
        while not self.at("end"):
            if not self.accept(";"):
                declarations.append(self._declaration())
        return ast.Program(path, tuple(declarations), digest)

    def _declaration(self) -> ast.Declaration:
        annotations = self.annotations()
        match self.token.kind:
            case "const":
                return self.constant(annotations)
            case "extern":
                return self._extern(annotations)
            case "action":
                return self.action(annotations)
            case "parser" | "control" | "package":
                return self._block_declaration(annotations)
            case "struct" | "header" | "header_union":
                return self._struct(annotations)
            case "enum":
                return self._enum(annotations)
            case "typedef":
                return self._typedef(annotations, distinct=False)
            case "error" if self.ahead().kind == "{":
                return ast.ErrorDeclaration(self.take().span, self._members())
            case "match_kind" if self.ahead().kind == "{":
                return ast.MatchKindDeclaration(self.take().span, self._members())
            case "table":
                raise self.error("a table stands inside a control", found=False)
        if self.at_word("type") and self.ahead().kind != "(":
            return self._typedef(annotations, distinct=True)
        if not (self.at_declaration() or (self.at("name") and self.ahead().kind in ("(", "<"))):
            raise self.error("expected a declaration")
        result = self.type_ref()
        if self.at("(") and isinstance(result, ast.NamedType):
            return self.instantiation(result, annotations)
        if self.at("name") and self.ahead().kind in ("=", ";"):
            message = "a variable cannot stand at the top level; write 'const', or move it into a control"
            raise self.error(message, found=False)
        return self.function(result, annotations)

    # ----------------------------------------------------------------- types

    def _members(self) -> tuple[ast.EnumMember, ...]:
        """`{ A, B = 1, … }`."""
        self.expect("{", "to open the members")
        members: list[ast.EnumMember] = []
        while not self.at("}"):
            token = self.name("a member")
            value = self.expression() if self.accept("=") else None
            members.append(ast.EnumMember(token.span, token.text, value))
            if not self.accept(","):
                break
        self.expect("}", "after the members")
        return tuple(members)

    def _struct(self, annotations: ast.Annotations) -> ast.StructDeclaration:
        kind = cast("ast.StructKind", self.take().kind)
        token = self.name(f"a {kind}")
        fields: list[ast.Field] = []
        with self.scope():
            type_parameters = self.type_parameters()
            self.expect("{", "to open the fields")
            while not self.at("}"):
                inner = self.annotations()
                type_ref = self.type_ref()
                field = self.name("a field")
                fields.append(ast.Field(field.span, field.text, type_ref, inner))
                self.expect(";", "after a field")
            self.take()
        self.declare(token.text, is_type=True)
        return ast.StructDeclaration(
            token.span, kind, token.text, type_parameters, tuple(fields), annotations
        )

    def _enum(self, annotations: ast.Annotations) -> ast.EnumDeclaration:
        self.take()
        underlying = None
        if not (self.at("name") and self.ahead().kind == "{"):
            underlying = self.type_ref()
        token = self.name("an enum")
        members = self._members()
        self.declare(token.text, is_type=True)
        return ast.EnumDeclaration(token.span, token.text, underlying, members, annotations)

    def _typedef(self, annotations: ast.Annotations, *, distinct: bool) -> ast.TypedefDeclaration:
        self.take()
        type_ref: ast.TypeRef | ast.StructDeclaration | ast.EnumDeclaration
        if self.token.kind in ("struct", "header", "header_union"):
            type_ref = self._struct(())
        elif self.at("enum"):
            type_ref = self._enum(())
        else:
            type_ref = self.type_ref()
        token = self.name("a type")
        self.expect(";", "after a type's name")
        self.declare(token.text, is_type=True)
        return ast.TypedefDeclaration(token.span, token.text, type_ref, distinct, annotations)

    # ----------------------------------------------------------------- externs

    def _extern(self, annotations: ast.Annotations) -> ast.ExternFunction | ast.ExternDeclaration:
        self.take()
        if self.at("name") and self.ahead().kind in ("{", "<") and not self.is_type_name(self.token.text):
            return self._extern_object(annotations)
        result = self.type_ref()
        with self.scope():
            prototype = self.prototype(result, annotations)
        self.expect(";", "after an extern function")
        self.declare(prototype.name, is_type=False)
        return ast.ExternFunction(prototype.span, prototype, annotations)

    def _extern_object(self, annotations: ast.Annotations) -> ast.ExternDeclaration:
        token = self.name("an extern")
        self.declare(token.text, is_type=True)
        methods: list[ast.FunctionPrototype] = []
        with self.scope():
            type_parameters = self.type_parameters()
            self.expect("{", "to open the methods")
            while not self.at("}"):
                methods.append(self._method(token.text))
            self.take()
        return ast.ExternDeclaration(token.span, token.text, type_parameters, tuple(methods), annotations)

    def _method(self, extern: str) -> ast.FunctionPrototype:
        annotations = self.annotations()
        abstract = self.accept("abstract")
        constructor = self.at_word(extern) and self.ahead().kind == "("
        result = None if constructor else self.type_ref()
        with self.scope():
            method = self.prototype(result, annotations)
        self.expect(";", "after a method")
        if abstract:
            parts = (method.span, method.name, result, method.type_parameters, method.parameters)
            return ast.FunctionPrototype(*parts, True, annotations)
        return method

    # ----------------------------------------------------------------- parsers, controls, packages

    def action(self, annotations: ast.Annotations) -> ast.ActionDeclaration:
        self.take()
        token = self.name("an action")
        with self.scope():
            parameters = self.parameters()
            body = self.block()
        self.declare(token.text, is_type=False)
        return ast.ActionDeclaration(token.span, token.text, parameters, body, annotations)

    def _block_declaration(
        self, annotations: ast.Annotations
    ) -> ast.ParserDeclaration | ast.ControlDeclaration | BlockType:
        """A parser, control or package: only its type if it ends after the parameters."""
        kind = self.take().kind
        token = self.name(f"a {kind}")
        self.declare(token.text, is_type=True)
        with self.scope():
            generic = self.type_parameters()
            parameters = self.parameters()
            if kind == "package" or self.at(";"):
                self.expect(";", f"after the type of a {kind}")
                return _BLOCK_TYPES[kind](token.span, token.text, generic, parameters, annotations)
            constructor = self.parameters() if self.at("(") else ()
            self.expect("{", f"to open the body of {kind} {token.text}")
            if kind == "parser":
                local = self._parser_locals()
                states = self._states()
                return ast.ParserDeclaration(
                    token.span, token.text, generic, parameters, constructor, local, states, annotations
                )
            control_locals = self._control_locals()
            self.expect_word("apply", f"in control {token.text}")
            body = self.block()
            self.expect("}", f"to close control {token.text}")
            return ast.ControlDeclaration(
                token.span, token.text, generic, parameters, constructor, control_locals, body, annotations
            )

    def _control_locals(self) -> tuple[ast.ControlLocal, ...]:
        found: list[ast.ControlLocal] = []
        while not (self.at_word("apply") and self.ahead().kind == "{"):
            annotations = self.annotations()
            if self.at("action"):
                found.append(self.action(annotations))
            elif self.at("table"):
                found.append(self.table(annotations))
            elif self.at("}") or self.at("end"):
                raise self.error("a control ends with an 'apply { … }' block", found=False)
            else:
                found.append(self._local(annotations))
        return tuple(found)

    def _local(
        self, annotations: ast.Annotations
    ) -> ast.ConstantDeclaration | ast.Instantiation | ast.VariableDeclaration:
        if self.at("const"):
            return self.constant(annotations)
        if not self.at_declaration() and not (self.at("name") and self.ahead().kind in ("(", "<")):
            raise self.error("expected a declaration (const, variable, instance, action, table, state)")
        type_ref = self.type_ref()
        if self.at("(") and isinstance(type_ref, ast.NamedType):
            return self.instantiation(type_ref, annotations)
        return self.variable(type_ref, annotations)

    def _parser_locals(self) -> tuple[ast.ParserLocal, ...]:
        found: list[ast.ParserLocal] = []
        while not self._at_state():
            if self.at("}") or self.at("end"):
                raise self.error("a parser needs a state named 'start'", found=False)
            annotations = self.annotations()
            if self.at("value_set"):
                found.append(self._value_set(annotations))
            else:
                found.append(self._local(annotations))
        return tuple(found)

    def _value_set(self, annotations: ast.Annotations) -> ast.ValueSet:
        span = self.take().span
        arguments = self.type_arguments()
        if len(arguments) != 1:
            raise P4Error(span, "a value_set has one type, value_set<T>")
        self.expect("(", "before the size of a value_set")
        size = self.expression()
        self.expect(")", "after the size of a value_set")
        token = self.name("a value_set")
        self.expect(";", "after a value_set")
        self.declare(token.text, is_type=False)
        return ast.ValueSet(token.span, token.text, arguments[0], size, annotations)

    def _at_state(self) -> bool:
        """Whether `state name {` comes next, past annotations."""
        start = self.index
        self.annotations()
        found = self.at_word("state") and self.ahead().kind == "name" and self.ahead(2).kind == "{"
        self.index = start
        return found

    def _states(self) -> tuple[ast.ParserState, ...]:
        states: list[ast.ParserState] = []
        while not self.at("}"):
            annotations = self.annotations()
            self.expect_word("state", "in the body of a parser")
            token = self.name("a state")
            self.expect("{", f"to open state {token.text}")
            statements: list[ast.Statement] = []
            with self.scope():
                while not self.at("transition") and not self.at("}"):
                    statements.append(self.statement())
                transition = self._transition(token.span)
            self.expect("}", f"to close state {token.text}; 'transition' comes last")
            states.append(ast.ParserState(token.span, token.text, tuple(statements), transition, annotations))
        self.take()
        return tuple(states)

    def _transition(self, state: Span) -> ast.Goto | ast.Select:
        if not self.accept("transition"):
            return ast.Goto(state, "reject")
        span = self.token.span
        if not self.accept("select"):
            token = self.name("a state")
            self.expect(";", "after the state to go to")
            return ast.Goto(token.span, token.text)
        self.expect("(", "after 'select'")
        keys: list[ast.Expression] = []
        while not self.at(")"):
            keys.append(self.expression())
            if not self.accept(","):
                break
        self.expect(")", "after what 'select' looks at")
        self.expect("{", "to open the cases of 'select'")
        cases: list[ast.SelectCase] = []
        while not self.at("}"):
            case = self.token.span
            keysets = self.keysets()
            self.expect(":", "before the state of this case")
            state_name = self.name("a state")
            self.expect(";", "after the state of this case")
            cases.append(ast.SelectCase(case, keysets, state_name.text))
        self.take()
        self.accept(";")
        return ast.Select(span, tuple(keys), tuple(cases))
