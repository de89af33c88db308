"""Type names to types: typedefs, generics, structs, enums, signatures."""

from __future__ import annotations

from p4xdp.source import P4Error, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.base import Base
from p4xdp.types.constants import reduce
from p4xdp.types.model import Type, TypeVar
from p4xdp.types.relations import HEADERS, fits_header, is_scalar, is_text, storable, substitute
from p4xdp.types.scope import TYPE_DECLARATIONS, TypeDeclaration

MAX_WIDTH = 8192
MAX_STACK = 1024
_SIMPLE: dict[str, Type] = {
    "bool": model.BOOL,
    "int": model.INT,
    "error": model.ERROR,
    "match_kind": model.MATCH_KIND,
    "string": model.STRING,
    "void": model.VOID,
}


class Resolver(Base):
    def __init__(self, program: ast.Program) -> None:
        super().__init__(program)
        # types of declarations, generic ones with their own type parameters in place
        self.declared: dict[ast.Node, Type] = {}
        self.signatures: dict[ast.FunctionPrototype, model.Function] = {}

    def resolve(self, type_ref: ast.TypeRef) -> Type:
        found = self._resolve(type_ref)
        self.typed.type_refs[type_ref] = found
        return found

    def _resolve(self, type_ref: ast.TypeRef) -> Type:
        match type_ref:
            case ast.SimpleType():
                return _SIMPLE[type_ref.name]
            case ast.WidthType():
                return self._width_type(type_ref)
            case ast.NamedType():
                return self._named(type_ref)
            case ast.StackType():
                return self._stack(type_ref)
            case ast.TupleType():
                return model.Tuple(tuple(self.resolve(t) for t in type_ref.elements))
            case ast.ListType():
                return model.List(self.resolve(type_ref.element))
            case ast.DontCareType():
                return TypeVar("_", ast.TypeParameter(type_ref.span, "_"))

    def _width_type(self, type_ref: ast.WidthType) -> Type:
        if type_ref.width is None:
            return model.Bits(1)
        width = self.number(type_ref.width, f"the width of {type_ref.name}", 1)
        if width > MAX_WIDTH:
            raise P4Error(type_ref.width.span, f"a width of {width} is more than the {MAX_WIDTH} supported")
        if type_ref.name == "varbit":
            return model.Varbit(width)
        return model.Bits(width, type_ref.name == "int")

    def _stack(self, type_ref: ast.StackType) -> Type:
        element = self.resolve(type_ref.element)
        if not isinstance(element, HEADERS):
            raise P4Error(type_ref.span, f"a stack holds headers or header unions, not {element}")
        size = self.number(type_ref.size, "the size of a header stack", 1)
        if size > MAX_STACK:
            raise Unsupported(type_ref.size.span, f"a stack of {size} is more than the {MAX_STACK} supported")
        return model.Stack(element, size)

    def resolve_constructed(self, type_ref: ast.NamedType) -> Type:
        """Like `resolve` where an instance is made: type arguments left out are type variables."""
        if type_ref.arguments:
            return self.resolve(type_ref)
        found = self.declared[self.type_declaration(type_ref)]
        self.typed.type_refs[type_ref] = found
        return found

    def _named(self, type_ref: ast.NamedType) -> Type:
        declaration = self.type_declaration(type_ref)
        arguments = tuple(self.resolve(t) for t in type_ref.arguments)
        generic = self.declared[declaration]
        parameters = _type_parameters(declaration)
        if len(arguments) != len(parameters):
            wanted = f"{len(parameters) or 'no'} type argument{'s' * (len(parameters) != 1)}"
            raise P4Error(type_ref.span, f"'{type_ref.name}' takes {wanted}, not {len(arguments)}")
        variables = (TypeVar(p.name, p) for p in parameters)
        return substitute(generic, dict(zip(variables, arguments, strict=True)))

    def type_declaration(self, type_ref: ast.NamedType) -> TypeDeclaration:
        found = self.scopes.find(type_ref.name, type_ref.span, absolute=type_ref.absolute)
        if found is None:
            hint = self.suggestion(type_ref.name, self.scopes.known(types=True))
            raise P4Error(type_ref.span, f"unknown type '{type_ref.name}'{hint}")
        if not isinstance(found[0], TYPE_DECLARATIONS):
            raise P4Error(
                type_ref.span, f"'{type_ref.name}' is not a type; it is declared at {found[0].span}"
            )
        return found[0]

    def declare_type_parameters(self, parameters: tuple[ast.TypeParameter, ...]) -> tuple[TypeVar, ...]:
        """Declares them in the current scope."""
        variables = []
        for parameter in parameters:
            self.scopes.declare(parameter.name, parameter)
            variables.append(TypeVar(parameter.name, parameter))
            self.declared[parameter] = variables[-1]
        return tuple(variables)

    # ----------------------------------------------------------------- declarations of types

    def struct(self, node: ast.StructDeclaration) -> Type:
        with self.scope():
            arguments = self.declare_type_parameters(node.type_parameters)
            fields: dict[str, model.FieldType] = {}
            for field in node.fields:
                if field.name in fields:
                    raise P4Error(field.span, f"{node.kind} {node.name} already has a field '{field.name}'")
                type_ = self.resolve(field.type)
                _check_field(node.kind, field, type_)
                fields[field.name] = model.FieldType(field.name, type_, field)
        kinds: dict[str, type[model.Struct | model.Header | model.HeaderUnion]]
        kinds = {"struct": model.Struct, "header": model.Header, "header_union": model.HeaderUnion}
        result: Type = kinds[node.kind](node.name, node, arguments, tuple(fields.values()))
        self.declared[node] = result
        return result

    def enum(self, node: ast.EnumDeclaration) -> Type:
        seen: set[str] = set()
        for member in node.members:
            if member.name in seen:
                raise P4Error(member.span, f"enum {node.name} already has a member '{member.name}'")
            seen.add(member.name)
        result: Type
        if node.underlying is None:
            for member in node.members:
                if member.value is not None:
                    message = f"members have values only in an enum with a type: enum bit<8> {node.name}"
                    raise P4Error(member.span, message)
            result = model.Enum(node.name, node, tuple(m.name for m in node.members))
        else:
            underlying = self.resolve(node.underlying)
            if not isinstance(underlying, model.Bits):
                raise P4Error(
                    node.underlying.span, f"the type of an enum is bit<W> or int<W>, not {underlying}"
                )
            members = tuple((m.name, self._enum_value(node, m, underlying)) for m in node.members)
            result = model.SerEnum(node.name, node, underlying, members)
        self.declared[node] = result
        return result

    def _enum_value(self, node: ast.EnumDeclaration, member: ast.EnumMember, type_: model.Bits) -> int:
        if member.value is None:
            raise P4Error(member.span, f"member '{member.name}' needs a value: {node.name} has a type")
        self.check(member.value, type_, f"the value of {member.name}")
        value = self.constant(member.value)
        if not isinstance(value, int):
            raise P4Error(member.value.span, f"the value of {member.name} must be known at compile time")
        reduced = reduce(value, type_)
        assert isinstance(reduced, int)
        return reduced

    def typedef(self, node: ast.TypedefDeclaration) -> Type:
        result: Type
        match node.type:
            case ast.StructDeclaration():
                self.scopes.declare(node.type.name, node.type)
                result = self.struct(node.type)
            case ast.EnumDeclaration():
                self.scopes.declare(node.type.name, node.type)
                result = self.enum(node.type)
            case _:
                result = self.resolve(node.type)
        if node.distinct:
            if not is_scalar(result):
                raise P4Error(
                    node.span, f"'type' makes a new type of bit<W>, int<W> or bool, not of {result}"
                )
            result = model.NewType(node.name, node, result)
        self.declared[node] = result
        return result

    # ----------------------------------------------------------------- signatures

    def parameters(self, parameters: tuple[ast.Parameter, ...]) -> tuple[model.ParameterType, ...]:
        """Their types; does not declare them."""
        seen: set[str] = set()
        result = []
        for parameter in parameters:
            if parameter.name in seen:
                raise P4Error(parameter.span, f"there is already a parameter '{parameter.name}'")
            seen.add(parameter.name)
            type_ = self.resolve(parameter.type)
            if parameter.direction and not storable(type_) and not is_text(type_):
                message = f"a parameter of type {type_} takes no direction; drop '{parameter.direction}'"
                raise P4Error(parameter.span, message)
            self.typed.variables[parameter] = type_
            result.append(model.ParameterType(parameter.name, parameter.direction, type_, parameter))
            if parameter.default is not None:
                self.check(parameter.default, type_, f"the default of '{parameter.name}'")
        return tuple(result)

    def signature(self, prototype: ast.FunctionPrototype) -> model.Function:
        """The type of a function; its own type parameters stand as type variables."""
        known = self.signatures.get(prototype)
        if known is not None:
            return known
        with self.scope():
            variables = self.declare_type_parameters(prototype.type_parameters)
            result = model.VOID if prototype.result is None else self.resolve(prototype.result)
            parameters = self.parameters(prototype.parameters)
        function = model.Function(prototype.name, variables, parameters, result)
        self.signatures[prototype] = function
        return function


def _type_parameters(declaration: TypeDeclaration) -> tuple[ast.TypeParameter, ...]:
    if isinstance(declaration, ast.EnumDeclaration | ast.TypedefDeclaration | ast.TypeParameter):
        return ()
    return declaration.type_parameters


def _check_field(kind: ast.StructKind, field: ast.Field, type_: Type) -> None:
    if kind == "header_union" and not isinstance(type_, model.Header):
        raise P4Error(field.span, f"a header_union holds headers, not {type_}")
    if kind == "header" and not fits_header(type_):
        raise P4Error(
            field.span, f"a header has fields of fixed layout (bit<W>, int<W>, bool, …), not {type_}"
        )
    if isinstance(type_, model.Int):
        raise P4Error(field.span, "'int' is for constants; a field needs a width, e.g. bit<32>")
    if not storable(type_):
        raise P4Error(field.span, f"a field cannot be of type {type_}")
