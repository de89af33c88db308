"""The top level of a program, controls, functions and actions."""

from __future__ import annotations

from p4xdp.source import P4Error, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.parsers import ParserChecker
from p4xdp.types.scope import Body, BodyKind
from p4xdp.types.statements import always_returns


class DeclarationChecker(ParserChecker):
    def program(self) -> None:
        for node in self.typed.program.declarations:
            name = getattr(node, "name", None)
            with self.recorded(*([name] if isinstance(name, str) else [])):
                self._declaration(node)

    def _declaration(self, node: ast.Declaration) -> None:
        match node:
            case ast.StructDeclaration():
                self.struct(node)
                self.scopes.declare(node.name, node)
            case ast.EnumDeclaration():
                self.enum(node)
                self.scopes.declare(node.name, node)
            case ast.TypedefDeclaration():
                self.typedef(node)
                self.scopes.declare(node.name, node)
            case ast.ErrorDeclaration():
                self._members(node.members, self.typed.errors, "error member")
            case ast.MatchKindDeclaration():
                self._members(node.members, self.typed.match_kinds, "match kind")
            case ast.ConstantDeclaration():
                self.constant_declaration(node)
            case ast.Instantiation():
                self.instantiation(node)
                if node.name == "main":
                    self._main(node)
            case ast.ExternFunction():
                self.signature(node.prototype)
                self.scopes.declare(node.name, node)
            case ast.ExternDeclaration():
                self._extern_declaration(node)
            case ast.FunctionDeclaration():
                self._function(node)
            case ast.ActionDeclaration():
                self.action(node)
            case _:
                self._block_declaration(node)

    def _members(self, members: tuple[ast.EnumMember, ...], known: list[str], what: str) -> None:
        for member in members:
            if member.value is not None:
                raise P4Error(member.span, f"{what} '{member.name}' takes no value")
            if member.name in known:
                raise P4Error(member.span, f"the {what} '{member.name}' is already declared")
            known.append(member.name)

    def _main(self, node: ast.Instantiation) -> None:
        if not isinstance(self.typed.variables[node], model.Package):
            raise P4Error(node.span, f"'main' is an instance of a package, not {self.typed.variables[node]}")
        self.typed.main = node

    def _extern_declaration(self, node: ast.ExternDeclaration) -> None:
        self.scopes.declare(node.name, node)
        with self.scope():
            arguments = self.declare_type_parameters(node.type_parameters)
            self.declared[node] = model.Extern(node.name, node, arguments)
            for method in node.methods:
                if method.abstract:
                    raise Unsupported(method.span, "p4xdp cannot do externs with abstract methods")
                self.signature(method)

    def _function(self, node: ast.FunctionDeclaration) -> None:
        signature = self.signature(node.prototype)
        with self.scope(Body("function", signature.result)):
            for parameter in node.prototype.type_parameters:
                self.scopes.declare(parameter.name, parameter)
            self._declare_parameters(signature.parameters)
            self.block(node.body)
        if not isinstance(signature.result, model.Void) and not always_returns(node.body):
            raise P4Error(node.span, f"not every way through '{node.name}' ends with 'return'")
        self.scopes.declare(node.name, node)

    def action(self, node: ast.ActionDeclaration) -> None:
        with self.scope(Body("action")):
            parameters = self.parameters(node.parameters)
            seen_data = False
            for parameter in parameters:
                if parameter.direction and seen_data:
                    message = (
                        f"parameter '{parameter.name}' has a direction, so it comes before those without"
                    )
                    raise P4Error(parameter.declaration.span, message)
                seen_data = seen_data or not parameter.direction
            self._declare_parameters(parameters)
            self.block(node.body)
        self.scopes.declare(node.name, node)

    def _declare_parameters(self, parameters: tuple[model.ParameterType, ...]) -> None:
        for parameter in parameters:
            self.scopes.declare(parameter.name, parameter.declaration)

    # ----------------------------------------------------------------- parsers, controls, packages

    def _block_declaration(
        self,
        node: ast.ParserDeclaration
        | ast.ParserType
        | ast.ControlDeclaration
        | ast.ControlType
        | ast.PackageType,
    ) -> None:
        kind: BodyKind = "parser" if isinstance(node, ast.ParserDeclaration) else "control"
        has_body = isinstance(node, ast.ParserDeclaration | ast.ControlDeclaration)
        if has_body and node.type_parameters:
            raise P4Error(node.span, f"a {kind} with a body takes no type parameters")
        with self.scope(Body(kind)):
            arguments = self.declare_type_parameters(node.type_parameters)
            parameters = self.parameters(node.parameters)
            match node:
                case ast.ParserDeclaration() | ast.ParserType():
                    self.declared[node] = model.Parser(node.name, node, arguments, parameters)
                case ast.ControlDeclaration() | ast.ControlType():
                    self.declared[node] = model.Control(node.name, node, arguments, parameters)
                case ast.PackageType():
                    self.declared[node] = model.Package(node.name, node, arguments, parameters)
            self._declare_parameters(parameters)
            if isinstance(node, ast.ParserDeclaration | ast.ControlDeclaration):
                self.constructor_parameters_of(node)
            with self.scope():  # locals may shadow parameters
                match node:
                    case ast.ParserDeclaration():
                        self.parser_body(node)
                    case ast.ControlDeclaration():
                        self._control_body(node)
        self.scopes.declare(node.name, node)

    def _control_body(self, node: ast.ControlDeclaration) -> None:
        for local in node.locals:
            with self.recorded(local.name):
                match local:
                    case ast.ActionDeclaration():
                        self.action(local)
                    case ast.TableDeclaration():
                        self.table(local)
                    case ast.Instantiation():
                        self.instantiation(local)
                    case ast.ConstantDeclaration():
                        self.constant_declaration(local)
                    case ast.VariableDeclaration():
                        self.variable(local)
        self.block(node.body)
