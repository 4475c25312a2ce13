"""Digests of code by definitions: what an entry point can reach, whatever it is called and in which module it stands.

A module's top-level statements are *definitions* of the names they bind, or *effects* (bare calls, `if`, `try`, …).
From the entry, every name that is mentioned leads to its definition, through imports and re-exports; a class counts
whole, so method calls need not be resolved: whoever makes an object names its class, and an entry names the types of
its arguments. Effects count for every module that reached code stands in or imports.

What changes a digest: the syntax of any reached definition or effect. What does not: comments, formatting, docstrings,
annotations of functions, descriptions of parameters, definitions that are not reached, and the names and places of
those that are. A table marked as `Choices` counts with the entries that are chosen, where it is used by `table[x]` and
`x in table` alone. What cannot be reasoned about (`eval`, `globals`, a module as a value, …) counts with its whole
module, and `Closure.whole` says so: never silently narrower.

A string that names a C++ file of the package's folder `native` counts with that file and those that it includes,
without comments and line breaks.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

T = TypeVar("T")
Choices = dict[str, T]  # a table of which a computation uses the entries that its record names

REFUSED_NAMES = ("eval", "exec", "globals", "vars", "__import__", "__file__")
REFUSED_ATTRIBUTES = ("import_module", "__subclasses__", "__init_subclass__", "__dict__")
NAMING = ("__name__", "__qualname__")  # attributes by which code sees what a definition is called
DECORATORS = (  # that register nothing: a definition under another one is an effect
    "abstractmethod",
    "cache",
    "cached_property",
    "classmethod",
    "contextmanager",
    "dataclass",
    "final",
    "lru_cache",
    "no_grad",
    "overload",
    "property",
    "runtime_checkable",
    "staticmethod",
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOCAL = ("local",)
NATIVE = "native"  # the folder of C++ files
CPP_FILE = re.compile(r"\b\w+\.(?:cpp|hpp)\b")
CPP_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
Target = tuple[str, ...]  # ("module", dotted), ("name", module, name), ("external", dotted) or LOCAL


@dataclass(frozen=True)
class Closure:
    """What an entry reaches.

    `digest`: twenty hexadecimal digits. `definitions`: a digest of each by its dotted name of today, to explain what
    has changed. `lines`: of their source. `whole`: modules that count whole, and why.
    """

    digest: str
    definitions: Mapping[str, str]
    lines: int
    whole: Mapping[str, str]


@dataclass(frozen=True)
class Mention:
    """A definition that another one names: `name` of `module`, or with an empty name the whole module, for a reason.

    `narrowed`: a table of choices that is only looked up here.
    """

    module: str
    name: str
    narrowed: bool = False
    reason: str = ""


@dataclass
class Definition:
    """Statements that bind a name: digest of their syntax, and what they mention, in order.

    `entries`: of a table of choices, digest and mentions of each entry. `imports`: modules imported inside it.
    """

    module: str
    name: str
    lines: int
    digest: str
    mentions: list[Mention]
    naming: bool
    imports: list[str]
    entries: dict[str, tuple[str, list[Mention]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """What a definition counts as, whatever it says today: a digest that it had, and what it mentioned, dotted."""

    digest: str
    mentions: tuple[str, ...] = ()


class Package:
    """The modules of a package under `root`, each parsed once; `standing`: what some definitions count as, by name."""

    def __init__(self, root: Path, name: str, standing: Mapping[str, Standing] = MappingProxyType({})) -> None:
        self.root, self.name, self.standing = root, name, standing
        self.modules: dict[str, Module | None] = {}
        self.paths: dict[str, Path | None] = {}
        self.sources: dict[str, list[str]] = {}

    def native(self, text: str) -> list[str]:
        """The content of the C++ files that a text names, and of those that these include: digests, in order."""
        found: list[str] = []
        for name in CPP_FILE.findall(text):
            path = self.root / NATIVE / name
            if name not in self.sources and path.is_file():
                plain = CPP_COMMENT.sub(" ", path.read_text())
                self.sources[name] = []  # a file that includes itself ends here
                own = hashlib.sha256(" ".join(plain.split()).encode()).hexdigest()
                self.sources[name] = [own, *self.native(plain)]
            found += self.sources.get(name, [])
        return found

    def module(self, dotted: str) -> Module | None:
        """A module of the package by its dotted name; None for what is no module of it."""
        if dotted not in self.modules:
            path = self.path(dotted)
            self.modules[dotted] = Module(self, dotted, path.read_text(), path.stem == "__init__") if path else None
        return self.modules[dotted]

    def path(self, dotted: str) -> Path | None:
        """The file of a module; None for what is no module of the package."""
        if dotted not in self.paths:
            base = self.root.joinpath(*dotted.split(".")[1:])
            inside = dotted.split(".")[0] == self.name
            files = [path for path in (base / "__init__.py", base.with_suffix(".py")) if inside and path.is_file()]
            self.paths[dotted] = files[0] if files else None
        return self.paths[dotted]

    def resolved(self, module: str, name: str) -> Target:
        """Where a name of a module is defined, through imports and re-exports."""
        for _ in range(len(self.modules) + 50):
            here = self.module(module)
            if here is None:
                return ("external", f"{module}.{name}")
            if name in here.statements:
                return ("name", module, name)
            if name not in here.imports:
                inner = f"{module}.{name}"
                return ("module", inner) if self.path(inner) else ("name", module, name)
            target = here.imports[name]
            if target[0] != "name":
                return target
            module, name = target[1:]
        return ("name", module, name)

    def closure(self, *entries: str, chosen: Iterable[str] | None = None, opaque: Collection[str] = ()) -> Closure:
        """What definitions (or whole modules) reach, by their dotted names.

        `chosen`: the words that choose entries of tables; None keeps all. Mentions of definitions in `opaque` modules
        are not followed. Raises `LookupError` for an entry that is not there.
        """
        start = []
        for entry in entries:
            module, _, name = entry.rpartition(".")
            if self.module(entry):
                start.append(Mention(entry, "", reason="it is an entry"))
            elif (here := self.module(module)) and name in here.statements:
                start += [Mention(module, name), *here.annotations(name)]
            else:
                raise LookupError(f"{self.name} has no {entry}")
        return _Reach(self, None if chosen is None else frozenset(chosen), opaque).closure(start)

    def source_closure(self, source: str, chosen: Iterable[str] | None = None, opaque: Collection[str] = ()) -> Closure:
        """What a source that is no module of the package reaches: all its statements are the entry."""
        whole = Module(self, f"{self.name}.<source>", source, False).source()
        reach = _Reach(self, None if chosen is None else frozenset(chosen), opaque)
        return reach.closure(whole.mentions, [whole.digest])


class Module:
    """A module's top-level statements: by the names they bind, and effects."""

    def __init__(self, package: Package, dotted: str, source: str, is_package: bool) -> None:
        self.package, self.dotted, self.is_package = package, dotted, is_package
        self.tree = ast.parse(source)
        self.imports: dict[str, Target] = {}
        self.statements: dict[str, list[ast.stmt]] = {}
        self.choices: set[str] = set()
        self.effects: list[ast.stmt] = []
        self.imported: list[str] = []
        self.starred = False
        self._definitions: dict[str, Definition] = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._import(statement)
            elif not _is_wording(statement) and not _is_for_types(statement):
                self._sort(statement)

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        for name, target, imported in targets_of(statement, self):
            self.imports[name] = target
            self.imported += imported
            self.starred |= name == "*"

    def _sort(self, statement: ast.stmt) -> None:
        names: list[str] = []
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if all(_last_name(decorator) in DECORATORS for decorator in statement.decorator_list):
                names = [statement.name]
        elif isinstance(statement, ast.Assign):
            found = [_plain_names(target) for target in statement.targets]
            names = [name for each in found for name in each or []] if all(found) else []
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            names = [statement.target.id]
            if _last_name(statement.annotation) == "Choices" and _is_table(statement.value):
                self.choices.add(statement.target.id)
        if not names:
            self.effects.append(statement)
        for name in names:
            self.statements.setdefault(name, []).append(statement)

    def definition(self, name: str) -> Definition:
        """The definition of a name."""
        if name not in self._definitions:
            statements = self.statements[name]
            stands = self.package.standing.get(f"{self.dotted}.{name}")
            if stands:
                mentions = [Mention(module, of) for module, _, of in (one.rpartition(".") for one in stands.mentions)]
                self._definitions[name] = Definition(self.dotted, name, 0, stands.digest, mentions, False, [])
                return self._definitions[name]
            found = _Walker(self).definition(name, statements)
            if name in self.choices and len(statements) == 1:
                value = statements[0].value  # type: ignore[attr-defined]
                for key, entry in zip(value.keys, value.values, strict=True):
                    one = _Walker(self).definition(key.value, [entry])
                    found.entries[key.value] = (one.digest, one.mentions)
            self._definitions[name] = found
        return self._definitions[name]

    @cached_property
    def effect(self) -> Definition | None:
        """All effects as one definition; None where there are none."""
        return _Walker(self).definition("<effects>", self.effects) if self.effects or self.starred else None

    def annotations(self, name: str) -> list[Mention]:
        """What the annotations of a function's arguments mention: the types of what it is given."""
        walker = _Walker(self)
        for statement in self.statements[name]:
            if isinstance(statement, FUNCTIONS):
                for argument in ast.walk(statement.args):
                    if isinstance(argument, ast.arg) and argument.annotation:
                        walker.visit(argument.annotation)
        return walker.mentions

    def source(self) -> Definition:
        """All statements as one definition whose own names are local."""
        walker = _Walker(self)
        bindings = bound(self.tree.body, self)
        walker.scopes.append(("function", bindings))
        return walker.definition("<source>", self.tree.body)


def _is_wording(statement: object) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_for_types(statement: object) -> bool:
    return isinstance(statement, ast.If) and _last_name(statement.test) == "TYPE_CHECKING" and not statement.orelse


def _is_table(value: ast.expr) -> bool:
    return isinstance(value, ast.Dict) and all(
        isinstance(key, ast.Constant) and isinstance(key.value, str) for key in value.keys
    )


def _last_name(node: ast.AST) -> str:
    """`b` of `a.b`, `a.b(…)` and `a.b[…]`."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _plain_names(target: ast.expr) -> list[str] | None:
    """The names that an assignment's target binds; None where it is no name or tuple of names."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        inner = [_plain_names(each) for each in target.elts]
        return [name for each in inner for name in each or []] if all(inner) else None
    return None


def targets_of(statement: ast.Import | ast.ImportFrom, module: Module) -> Iterator[tuple[str, Target, list[str]]]:
    """Of each name that an import binds: the name, what it stands for, and modules of the package that it imports."""
    package = module.package
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            inside = [alias.name] if package.path(alias.name) else []
            bound_name = alias.asname or alias.name.split(".")[0]
            stands_for = alias.name if alias.asname else alias.name.split(".")[0]
            yield bound_name, ("module" if package.path(stands_for) else "external", stands_for), inside
        return
    source = statement.module or ""
    if statement.level:
        base = module.dotted.split(".")
        base = base[: len(base) - statement.level + module.is_package]
        source = ".".join([*base, *([source] if source else [])])
    for alias in statement.names:
        inner = f"{source}.{alias.name}"
        if not package.path(source):
            yield alias.asname or alias.name, ("external", inner), []
        elif alias.name == "*":
            yield "*", ("module", source), [source]
        else:  # a definition, a re-export or a module of its own: `Package.resolved` finds out
            inside = [source, *([inner] if package.path(inner) else [])]
            yield alias.asname or alias.name, ("name", source, alias.name), inside


def bound(nodes: Iterable[ast.AST], module: Module) -> dict[str, Target]:
    """The names that statements bind in their own scope, with what imports among them stand for."""
    found: dict[str, Target] = {}
    outer: set[str] = set()
    pending: list[tuple[ast.AST, bool]] = [(node, False) for node in nodes]
    while pending:
        node, inside = pending.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not inside:
                found[node.name] = LOCAL
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.NamedExpr):
            found[node.target.id] = LOCAL
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and not inside:
            found.setdefault(node.id, LOCAL)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {name: target for name, target, _ in targets_of(node, module)}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found[node.name] = LOCAL
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found[node.rest] = LOCAL
        elif isinstance(node, ast.Global | ast.Nonlocal):
            outer.update(node.names)
        within = inside or isinstance(node, COMPREHENSIONS)
        pending += [(child, within) for child in ast.iter_child_nodes(node)]
    return {name: target for name, target in found.items() if name not in outer}


class _Walker:
    """Writes syntax as nested lists in which what is mentioned is a number, and collects the mentions."""

    def __init__(self, module: Module) -> None:
        self.module, self.package = module, module.package
        self.scopes: list[tuple[str, dict[str, Target]]] = []
        self.mentions: list[Mention] = []
        self.naming = False
        self.imported: list[str] = []

    def definition(self, name: str, nodes: list[Any]) -> Definition:
        """The definition that these statements, or one expression, are."""
        written: list[Any] = [self.visit(node, nameless=True) for node in nodes]
        written.append([_place(node, name) for node in nodes])
        if name == "<effects>" and self.module.starred:
            self._refuse("import *")
        lines = sum(node.end_lineno - min(_first_line(node), node.lineno) + 1 for node in nodes)
        text = json.dumps(written, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Definition(self.module.dotted, name, lines, digest, self.mentions, self.naming, self.imported)

    def visit(self, node: Any, nameless: bool = False) -> Any:
        """A node as nested lists."""
        if isinstance(node, list):
            return [self.visit(item) for item in node if not _is_for_types(item)]
        if not isinstance(node, ast.AST):
            return repr(node)
        special = getattr(self, f"_{type(node).__name__}", None)
        return special(node, nameless) if special else self._fields(node)

    def _fields(self, node: ast.AST, without: Collection[str] = ()) -> list[Any]:
        written: list[Any] = [type(node).__name__]
        for name, value in ast.iter_fields(node):
            if value is None or value == [] or name in without or name in ("kind", "type_comment", "ctx"):
                continue
            written.append([name, self.visit(_without_wording(value) if name == "body" else value)])
        return written

    def _Constant(self, node: ast.Constant, _: bool) -> list[Any]:
        written = self._fields(node)
        if isinstance(node.value, str) and (files := self.package.native(node.value)):
            written.append(files)
        return written

    # what opens a scope

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, nameless: bool) -> list[Any]:
        if node.name == "__init_subclass__":
            self._refuse("__init_subclass__")
        head = [self.visit(node.decorator_list), self._arguments(node.args)]
        names: dict[str, Target] = {one.arg: LOCAL for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        self.scopes.append(("function", names | bound(node.body, self.module)))
        body = self.visit(_without_wording(node.body))
        self.scopes.pop()
        return [type(node).__name__, "" if nameless else node.name, *head, body]

    _FunctionDef = _AsyncFunctionDef = _function

    def _arguments(self, arguments: ast.arguments) -> list[Any]:
        """Names and defaults, without annotations."""
        kinds = (arguments.posonlyargs, arguments.args, [arguments.vararg], arguments.kwonlyargs, [arguments.kwarg])
        names = [[argument.arg for argument in kind if argument] for kind in kinds]
        return [names, self.visit(arguments.defaults), self.visit(arguments.kw_defaults)]

    def _Lambda(self, node: ast.Lambda, _: bool) -> list[Any]:
        head = self._arguments(node.args)
        names: dict[str, Target] = {one.arg: LOCAL for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        self.scopes.append(("function", names))
        body = self.visit(node.body)
        self.scopes.pop()
        return ["Lambda", head, body]

    def _ClassDef(self, node: ast.ClassDef, nameless: bool) -> list[Any]:
        head = [self.visit(part) for part in (node.decorator_list, node.bases, node.keywords)]
        self.scopes.append(("class", bound(node.body, self.module)))
        body = self.visit(_without_wording(node.body))
        self.scopes.pop()
        return ["ClassDef", "" if nameless else node.name, *head, body]

    def _comprehension_scope(self, node: Any, _: bool) -> list[Any]:
        names: dict[str, Target] = {
            name.id: LOCAL
            for generator in node.generators
            for name in ast.walk(generator.target)
            if isinstance(name, ast.Name)
        }
        first = self.visit(node.generators[0].iter)  # belongs to the scope around
        self.scopes.append(("comprehension", names))
        written = [type(node).__name__, first]
        for number, generator in enumerate(node.generators):
            written.append(self._fields(generator, without=("iter",) if number == 0 else ()))
        written += [self.visit(getattr(node, part)) for part in ("key", "value", "elt") if hasattr(node, part)]
        self.scopes.pop()
        return written

    _ListComp = _SetComp = _DictComp = _GeneratorExp = _comprehension_scope

    # what is left out

    def _AnnAssign(self, node: ast.AnnAssign, _: bool) -> list[Any]:
        """Of a class's field the annotation stays, for dataclasses and pydantic read it; elsewhere it goes."""
        if self.scopes and self.scopes[-1][0] == "class":
            return self._fields(node)
        return self._fields(ast.Assign([node.target], node.value)) if node.value else []

    def _Call(self, node: ast.Call, _: bool) -> list[Any]:
        if _last_name(node.func) == "Field":  # how a parameter is described is wording
            node = ast.Call(node.func, node.args, [k for k in node.keywords if k.arg != "description"])
        elif _last_name(node.func) == "setattr" and node.args and self._stands_for(node.args[0])[0] == "module":
            self._refuse("setattr on a module")
        return self._fields(node)

    def _import_inside(self, node: ast.Import | ast.ImportFrom, _: bool) -> list[Any]:
        for name, _target, imported in targets_of(node, self.module):
            self.imported += imported
            if name == "*":
                self._refuse("import *")
        return ["Import"]

    _Import = _ImportFrom = _import_inside

    # what is mentioned

    def _Global(self, node: ast.Global, _: bool) -> list[Any]:
        self._refuse("global")
        return self._fields(node)

    def _Name(self, node: ast.Name, _: bool) -> list[Any]:
        return self._mention(node, narrowed=False)

    def _Attribute(self, node: ast.Attribute, _: bool) -> list[Any]:
        return self._mention(node, narrowed=False)

    def _Subscript(self, node: ast.Subscript, _: bool) -> list[Any]:
        looked_up = isinstance(node.ctx, ast.Load)
        return ["Subscript", self._mention(node.value, narrowed=looked_up), self.visit(node.slice)]

    def _Compare(self, node: ast.Compare, _: bool) -> list[Any]:
        sides = [self.visit(node.left)]
        for operator, side in zip(node.ops, node.comparators, strict=True):
            sides.append(self._mention(side, narrowed=isinstance(operator, ast.In | ast.NotIn)))
        return ["Compare", self.visit(node.ops), sides]

    def _mention(self, node: ast.AST, narrowed: bool) -> list[Any]:
        """A name or an attribute, where it leads to a definition or a module; any other node as it is."""
        if isinstance(node, ast.Attribute):
            if node.attr in REFUSED_ATTRIBUTES:
                self._refuse(node.attr)
            self.naming |= node.attr in NAMING
        if not isinstance(node, ast.Name | ast.Attribute):
            return self.visit(node)
        target = self._stands_for(node)
        if target[0] == "name":
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                self._refuse("an attribute of a module is set")
            return ["@", self._number(Mention(target[1], target[2], narrowed))]
        if target[0] == "module":
            return ["@", self._number(Mention(target[1], "", reason="it is used as a value"))]
        if isinstance(node, ast.Attribute):
            return ["Attribute", self.visit(node.value), node.attr]
        if target[0] == "external" and target[1] in REFUSED_NAMES:
            self._refuse(target[1])
        return ["Name", node.id] if target == LOCAL else ["External", target[1]]

    def _number(self, mention: Mention) -> int:
        if mention not in self.mentions:
            self.mentions.append(mention)
        return self.mentions.index(mention)

    def _refuse(self, reason: str) -> None:
        """Count the whole module that is being walked."""
        self._number(Mention(self.module.dotted, "", reason=reason))

    def _stands_for(self, node: ast.AST) -> Target:
        """What a name, or an attribute of a module, leads to; LOCAL for anything else."""
        if isinstance(node, ast.Name):
            return self._lookup(node.id)
        if not isinstance(node, ast.Attribute):
            return LOCAL
        owner = self._stands_for(node.value)
        return self.package.resolved(owner[1], node.attr) if owner[0] == "module" else LOCAL

    def _lookup(self, name: str) -> Target:
        direct = True  # a class's names are seen by its own statements, not inside its methods
        for kind, names in reversed(self.scopes):
            if name in names and (kind != "class" or direct):
                target = names[name]
                return self.package.resolved(*target[1:]) if target[0] == "name" else target
            direct &= kind == "comprehension"
        if name in self.module.statements or name in self.module.imports:
            return self.package.resolved(self.module.dotted, name)
        return ("external", name)


def _place(node: ast.AST, name: str) -> int:
    """Which of the names that an assignment binds: `A, B = 1, 2` defines two things with one syntax."""
    if not isinstance(node, ast.Assign):
        return 0
    names = [each for target in node.targets for each in _plain_names(target) or []]
    return names.index(name) if name in names else 0


def _first_line(node: Any) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])


def _without_wording(body: Any) -> Any:
    return body[1:] if isinstance(body, list) and body and _is_wording(body[0]) else body


class _Reach:
    """One walk from an entry through what it mentions."""

    def __init__(self, package: Package, chosen: frozenset[str] | None, opaque: Collection[str]) -> None:
        self.package, self.chosen, self.opaque = package, chosen, tuple(opaque)
        self.opened: set[tuple[str, str]] = set()  # tables of choices that are used in a way that may need all entries

    def closure(self, start: list[Mention], head: Iterable[str] = ()) -> Closure:
        """What these mentions reach."""
        while True:  # again where a table that was narrowed turns out to be used as a whole
            before = len(self.opened)
            found = self._walk(start, list(head))
            if len(self.opened) == before:
                return found

    def _walk(self, start: list[Mention], head: list[str]) -> Closure:
        self.number: dict[tuple[str, str], int] = {}
        self.pending: list[Definition] = []
        self.whole: dict[str, str] = {}
        written: list[Any] = [head, self._numbers(start)]
        done, effects, seen = 0, list[Definition](), set[str]()
        while done < len(self.pending):
            for definition in self.pending[done:]:
                done += 1
                digest, mentions = self._content(definition)
                written.append([digest, self._numbers(mentions)])
                for module in (definition.module, *definition.imports):
                    self._import(module, seen, effects)
            if done == len(self.pending):
                for effect in sorted(effects, key=lambda one: one.digest):
                    written.append([effect.digest, self._numbers(effect.mentions)])
                effects.clear()
        if any(definition.naming for definition in self.pending):
            written.append([definition.name for definition in self.pending])
        return Closure(
            hashlib.sha256(json.dumps(written, separators=(",", ":")).encode()).hexdigest()[:20],
            {f"{one.module}.{one.name}": self._content(one)[0][:12] for one in self.pending},
            sum(definition.lines for definition in self.pending),
            self.whole,
        )

    def _content(self, definition: Definition) -> tuple[str, list[Mention]]:
        """Digest and mentions of a definition; of a narrowed table, those of the chosen entries."""
        if not definition.entries or self.chosen is None or (definition.module, definition.name) in self.opened:
            return definition.digest, definition.mentions
        chosen = [(key, *definition.entries[key]) for key in definition.entries if key in self.chosen]
        digest = hashlib.sha256(json.dumps([[key, each] for key, each, _ in chosen]).encode()).hexdigest()
        return digest, [mention for _, _, mentions in chosen for mention in mentions]

    def _numbers(self, mentions: list[Mention]) -> list[Any]:
        """What is mentioned, by the order in which it was first met; -1 for what is not followed."""
        numbers: list[Any] = []
        for mention in mentions:
            if mention.module.startswith(self.opaque) if self.opaque else False:
                numbers.append(-1)
                continue
            module = self.package.module(mention.module)
            names = [mention.name]
            if module is None or (mention.name and mention.name not in module.statements):
                self.whole.setdefault(mention.module, f"{mention.name} is not found in it")
                names = list(module.statements) if module else []
            elif not mention.name:
                self.whole.setdefault(mention.module, mention.reason)
                names = list(module.statements)
            for name in names:
                assert module is not None
                if name in module.choices and not mention.narrowed and self.chosen is not None:
                    self.opened.add((mention.module, name))
                key = (mention.module, name)
                if key not in self.number:
                    self.number[key] = len(self.number)
                    self.pending.append(module.definition(name))
            numbers.append([self.number[(mention.module, name)] for name in names])
        return numbers

    def _import(self, dotted: str, seen: set[str], effects: list[Definition]) -> None:
        """Collect the effects of a module, of the packages it is in, and of what it imports when it is imported."""
        pending = [dotted]
        while pending:
            name = pending.pop()
            module = self.package.module(name)
            if name in seen or module is None or (self.opaque and name.startswith(self.opaque)):
                continue
            seen.add(name)
            if module.effect:
                effects.append(module.effect)
            parts = name.split(".")
            pending += [".".join(parts[:n]) for n in range(1, len(parts))] + module.imported


# What writes to the disk and reads it back changes no number: what is read is held against its checksum, and tests kill
# and damage it. So an edit of it asks for nothing. It counts as it was when published results were named by it; without
# a line here it would count as it is, and all that is published would have to be made anew.
_WRITE = Standing("380b503022552dd15ba83b3c120e64b0ed2cd087f3f998d27e519dfb2a68238f")
STORING = {
    "almostnothing.files.write_atomic": _WRITE,
    "almostnothing.sealed.keep": _WRITE,  # residual networks' checkpoints were written by it
    "almostnothing.training.checkpoint": Standing(
        "f1ec161d3b40ab055d89a741e5173481ccdcd39df6431a896e4a520f2e9ffe45", ("almostnothing.files.write_atomic",)
    ),
    "almostnothing.training.read_checkpoint": Standing(
        "6b9513945a0037fb206031fa204e5545a61f248a90a2699cd78dfe468541df06",
        ("almostnothing.cells.Cell", "almostnothing.training.Saved"),
    ),
    "almostnothing.solo.Student": Standing("cf38a833ba54cd49ac2cb1fc8cd17a3ef71332dbd733d66c9ca065816008d5e8"),
    "almostnothing.store.Store": Standing(
        "af9e5f6e71acbfdff02d9c171f53182fde6059a5c10d517098792384d648de7b",
        (
            "almostnothing.keys.key",
            "almostnothing.store.LOGITS",
            "almostnothing.store.NETWORK",
            "almostnothing.files.write_atomic",
            "almostnothing.errors.UserError",
            "almostnothing.keys.network_code",
        ),
    ),
    "almostnothing.data.loading._remembered": Standing(
        "e29517807b7d8e3d753dd5982a80919018f1f9a572a0e75cf02a6ff9885e7e60",
        (
            "almostnothing.data.catalogue.CATALOGUE",
            "almostnothing.data.readers.embedded",
            "almostnothing.files.digest",
            "almostnothing.data.lookup.stamps",
            "almostnothing.data.lookup.readers_digest",
            "almostnothing.data.lookup.cache_folder",
            "almostnothing.data.loading._save",
            "almostnothing.data.loading._saved",
        ),
    ),
    "almostnothing.data.loading._saved": Standing(
        "8355d64cdf3a467a89730748a8f263d79cc32bde8e1f770ca58c7d899ce458f7",
        ("almostnothing.data.arrays.ARRAYS", "almostnothing.data.arrays.Raw", "almostnothing.data.arrays.Split"),
    ),
}
PACKAGE = Package(Path(__file__).resolve().parent, __name__.split(".")[0], STORING)
_KNOWN: dict[Any, Closure] = {}


def closure(*entries: str, chosen: Iterable[str] | None = None, opaque: Collection[str] = ()) -> Closure:
    """`Package.closure` of this package; what was asked once is known."""
    key = (entries, None if chosen is None else frozenset(chosen), tuple(opaque))
    if key not in _KNOWN:
        _KNOWN[key] = PACKAGE.closure(*entries, chosen=chosen, opaque=opaque)
    return _KNOWN[key]


def source_closure(source: str, chosen: Iterable[str] | None = None, opaque: Collection[str] = ()) -> Closure:
    """`Package.source_closure` of this package."""
    return PACKAGE.source_closure(source, chosen=chosen, opaque=opaque)
