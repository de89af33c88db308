"""Tables: keys, actions, entries and the other properties."""

from __future__ import annotations

from dataclasses import dataclass, field

from p4xdp.source import P4Error
from p4xdp.syntax import ast
from p4xdp.syntax.parse_statements import StatementParser


@dataclass(slots=True)
class _Parts:
    """What was read of a table so far."""

    keys: tuple[ast.KeyElement, ...] = ()
    actions: tuple[ast.ActionRef, ...] = ()
    entries: tuple[ast.TableEntry, ...] = ()
    const_entries: bool = False
    default_action: ast.ActionRef | None = None
    const_default: bool = False
    properties: list[ast.TableProperty] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


class TableParser(StatementParser):
    def table(self, annotations: ast.Annotations) -> ast.TableDeclaration:
        self.take()
        token = self.name("a table")
        self.expect("{", f"to open table {token.text}")
        parts = _Parts()
        while not self.at("}"):
            self._property(parts)
        self.take()
        self.declare(token.text, is_type=False)
        return ast.TableDeclaration(
            token.span,
            token.text,
            parts.keys,
            parts.actions,
            parts.entries,
            parts.const_entries,
            parts.default_action,
            parts.const_default,
            tuple(parts.properties),
            annotations,
        )

    def _property(self, parts: _Parts) -> None:
        annotations = self.annotations()
        const = self.accept("const")
        token = self.name("a table property")
        if token.text in parts.seen:
            raise P4Error(token.span, f"the table already has '{token.text}'")
        parts.seen.add(token.text)
        self.expect("=", f"after '{token.text}'")
        if const and token.text in ("key", "actions"):
            raise P4Error(token.span, f"'{token.text}' takes no 'const'")
        match token.text:
            case "key":
                parts.keys = self._keys()
            case "actions":
                parts.actions = self._actions()
            case "entries":
                parts.entries, parts.const_entries = self._entries(), const
            case "default_action":
                parts.default_action, parts.const_default = self.action_ref(annotations), const
                self.expect(";", "after the default action")
            case _:
                value = self.expression()
                self.expect(";", f"after '{token.text}'")
                prop = ast.TableProperty(token.span, token.text, value, const, annotations)
                parts.properties.append(prop)

    def _keys(self) -> tuple[ast.KeyElement, ...]:
        keys: list[ast.KeyElement] = []
        self.expect("{", "to open the key")
        while not self.at("}"):
            expression = self.expression()
            self.expect(":", "between a key and its match kind")
            kind = self.name("a match kind")
            annotations = self.annotations()
            self.expect(";", "after a key")
            keys.append(ast.KeyElement(expression.span, expression, kind.text, annotations))
        self.take()
        return tuple(keys)

    def _actions(self) -> tuple[ast.ActionRef, ...]:
        actions: list[ast.ActionRef] = []
        self.expect("{", "to open the actions")
        while not self.at("}"):
            actions.append(self.action_ref(self.annotations()))
            self.expect(";", "after an action")
        self.take()
        return tuple(actions)

    def action_ref(self, annotations: ast.Annotations) -> ast.ActionRef:
        path = self.path()
        arguments = self.arguments() if self.at("(") else None
        return ast.ActionRef(path.span, path, arguments, annotations)

    def _entries(self) -> tuple[ast.TableEntry, ...]:
        entries: list[ast.TableEntry] = []
        self.expect("{", "to open the entries")
        while not self.at("}"):
            span = self.token.span
            const = self.accept("const")
            priority = None
            if self.at_word("priority") and self.ahead().kind == "=":
                self.take()
                self.take()
                priority = self.expression()
                self.expect(":", "after an entry's priority")
            keysets = self.keysets()
            self.expect(":", "between an entry's key and its action")
            action = self.action_ref(())
            annotations = self.annotations()
            self.expect(";", "after an entry")
            entries.append(ast.TableEntry(span, keysets, action, const, priority, annotations))
        self.take()
        return tuple(entries)
