"""The tree builder, its top: what stands at the top level of a file.

Each part extends the one below it (actions, strings, expressions, patterns, statements): one object holds the action
of every rule.
"""

from __future__ import annotations

import inspect
from typing import Any, Literal

from ...compiler.diagnostics import Label, Span
from .. import syntax
from ..syntax import Declaration, Expr
from .statements import Statements, literal
from .tokens import Token

LATER = frozenset({"schedule", "on_failure", "overlap"})
"""Options of a flow's header that the language keeps for itself."""


class Declarations(Statements):
    """Builds declarations, and with :meth:`start` the module."""

    doc = ""

    def start(self, c: list[Any]) -> syntax.Module:
        declarations = tuple([d for d in c[0] if d is not None]) if c else ()
        span = Span(self.file, 1, 1, 1, 1)
        return syntax.Module(self.file, declarations, self.doc, span=span, refused=frozenset(self.refused))

    def module_doc(self, c: list[Any]) -> None:
        text = c[0]
        if not isinstance(text, syntax.Constant) or not isinstance(text.value, str):
            self.report(
                "syntax-place", text.span, "the text that describes a file is a plain string", help="remove the prefix"
            )
        elif self.doc or not self.at_beginning(text.span):
            self.report(
                "syntax-place", text.span, "a string stands at the top level", help="make it a comment: `# ...`"
            )
        else:
            self.doc = inspect.cleandoc(text.value)

    def at_beginning(self, span: Span) -> bool:
        """Whether nothing but blank lines and comments stands above."""
        return span.line == self.first_line

    first_line = 1

    # ---- imports -------------------------------------------------------------------------------

    def import_packs(self, c: list[Any]) -> Declaration:
        return self._packs(c[0], c[1])

    def import_packs_bracketed(self, c: list[Any]) -> Declaration:
        return self._packs(c[0], c[2])

    def _packs(self, word: Token, packs: list[Any]) -> Declaration:
        return syntax.ImportPack(tuple(names for names, _ in packs), span=self.span(word, packs[-1][1]))

    def imported_name(self, c: list[Any]) -> tuple[tuple[str, str], Token]:
        parts = c[0]
        path = ".".join(part.value for part in parts)
        if len(c) == 3:
            return (path, c[2].value), c[2]
        if len(parts) > 1:
            self.report(
                "syntax-import",
                self.span(parts[0], parts[-1]),
                f"`{path}` needs a name here",
                help=f"write `import {path} as {parts[-1].value}`",
            )
        return (path, parts[-1].value), parts[-1]

    def source_path(self, c: list[Any]) -> tuple[str, bool, Token]:
        path = self._string(c[0])
        if not isinstance(path, str):
            self.report("syntax-import", self.span(c[0], c[0]), "a path is text", help="remove the prefix")
            path = ""
        return path, True, c[0]

    def source_module(self, c: list[Any]) -> tuple[str, bool, Token]:
        return ".".join(part.value for part in c[0]), False, c[0][-1]

    def import_name(self, c: list[Any]) -> tuple[str, str]:
        return c[0].value, c[-1].value

    def import_from(self, c: list[Any]) -> Declaration:
        word, (path, is_path, _), _, names = c[:4]
        options = c[4] if len(c) == 6 else []
        self.check_options(options)
        return syntax.ImportFrom(path, is_path, tuple(names), tuple(options), span=self.span(word, c[-1]))

    # ---- values and types ----------------------------------------------------------------------

    def secret(self, c: list[Any]) -> Declaration:
        return syntax.SecretDecl(c[1].value, span=self.span(c[0], c[1]))

    def env(self, c: list[Any]) -> Declaration:
        return syntax.EnvDecl(c[1].value, span=self.span(c[0], c[1]))

    def env_typed(self, c: list[Any]) -> Declaration:
        default = c[5] if len(c) == 7 else None
        return syntax.EnvDecl(c[1].value, c[3], default, span=self.span(c[0], default or c[3]))

    def env_default(self, c: list[Any]) -> Declaration:
        return syntax.EnvDecl(c[1].value, None, c[3], span=self.span(c[0], c[3]))

    def const(self, c: list[Any]) -> Declaration:
        return syntax.ConstDecl(c[1].value, c[3], span=self.span(c[0], c[3]))

    def const_typed(self, c: list[Any]) -> Declaration:
        return syntax.ConstDecl(c[1].value, c[5], c[3], span=self.span(c[0], c[5]))

    def type_alias(self, c: list[Any]) -> Declaration:
        return syntax.TypeDecl(c[1].value, c[3], span=self.span(c[0], c[3]))

    def type_record(self, c: list[Any]) -> Declaration:
        word, name, colon, _, _, lines, _ = c
        doc = ""
        fields: dict[str, syntax.FieldDecl] = {}
        for index, line in enumerate(lines):
            if isinstance(line, syntax.FieldDecl):
                if line.name in fields:
                    self.report(
                        "syntax-field",
                        line.span,
                        f"the field `{line.name}` is declared twice",
                        help="remove one of them",
                    )
                fields[line.name] = line
            elif line is not None:
                if index:
                    self.report(
                        "syntax-field", line.span, "a string stands among the fields", help="make it a comment: `# ...`"
                    )
                else:
                    doc = self._doc(line)
        return syntax.TypeDecl(name.value, None, tuple(fields.values()), doc, span=self.span(word, colon))

    def field(self, c: list[Any]) -> syntax.FieldDecl:
        default = c[4] if len(c) == 6 else None
        return syntax.FieldDecl(c[0].value, c[2], default, span=self.span(c[0], default or c[2]))

    def field_doc(self, c: list[Any]) -> Expr:
        return c[0]  # type: ignore[no-any-return]

    # ---- flows and tests -----------------------------------------------------------------------

    def param(self, c: list[Any]) -> syntax.Param:
        return syntax.Param(c[0].value, span=self.span(c[0], c[0]))

    def param_typed(self, c: list[Any]) -> syntax.Param:
        default = c[4] if len(c) == 5 else None
        return syntax.Param(c[0].value, c[2], default, span=self.span(c[0], default or c[2]))

    def param_default(self, c: list[Any]) -> syntax.Param:
        return syntax.Param(c[0].value, None, c[2], span=self.span(c[0], c[2]))

    def param_mark(self, c: list[Any]) -> Token:
        return c[0]  # type: ignore[no-any-return]

    def param_star(self, c: list[Any]) -> syntax.Param:
        kind: Literal["var_pos", "var_kw"] = "var_pos" if c[0].value == "*" else "var_kw"
        annotation = c[3] if len(c) == 4 else None
        return syntax.Param(c[1].value, annotation, None, kind, span=self.span(c[0], annotation or c[1]))

    def flow_head(self, c: list[Any]) -> Any:
        word, name, _, params, _, returns = c[:6]
        options = c[6] if len(c) == 7 else []
        self.check_options(options)
        kept = []
        for option in options:
            if option.name in LATER:
                self.report(
                    "syntax-later",
                    option.span,
                    f"`{option.name}=` is kept for a later version of the language",
                    help="start the flow from outside: by cron, or by a flow that calls it",
                )
            else:
                kept.append(option)
        return word, name, self._params(params), returns, tuple(kept)

    def _params(self, items: list[Any]) -> tuple[syntax.Param, ...]:
        """Gives each parameter its kind, by the ``*`` and ``/`` among them."""
        params: list[syntax.Param] = []
        seen: dict[str, Span] = {}
        keyword_only = ended = defaulted = False
        for item in items:
            if ended:
                self.report(
                    "syntax-parameter",
                    self.span(item, item),
                    "a parameter stands after `**`",
                    help="move it before the `**`",
                )
            if isinstance(item, Token):
                if item.value == "/":
                    if keyword_only or not params or any(p.kind == "pos" for p in params):
                        self.report(
                            "syntax-parameter",
                            self.span(item, item),
                            "`/` stands once, after a parameter and before `*`",
                            help="move or remove it",
                        )
                    params = [_kind(param, "pos") for param in params]
                elif keyword_only:
                    self.report(
                        "syntax-parameter", self.span(item, item), "`*` stands twice", help="remove one of them"
                    )
                else:
                    keyword_only = True
                continue
            if item.name in seen:
                self.report(
                    "syntax-parameter",
                    item.span,
                    f"the parameter `{item.name}` is declared twice",
                    labels=(Label(seen[item.name], "first here"),),
                    help="rename one of them",
                )
            seen[item.name] = item.span
            if item.kind == "var_pos":
                if keyword_only:
                    self.report("syntax-parameter", item.span, "`*` stands twice", help="remove one of them")
                keyword_only = True
            elif item.kind == "var_kw":
                ended = True
            elif keyword_only:
                item = _kind(item, "kw")
            else:
                if defaulted and item.default is None:
                    self.report(
                        "syntax-parameter",
                        item.span,
                        f"`{item.name}` has no default but stands after one that has",
                        help="give it a default, or move it before the others",
                    )
                defaulted = defaulted or item.default is not None
            params.append(item)
        if items and isinstance(items[-1], Token) and items[-1].value == "*":
            self.report(
                "syntax-parameter", self.span(items[-1], items[-1]), "nothing follows the `*`", help="remove it"
            )
        return tuple(params)

    def flow(self, c: list[Any]) -> Declaration:
        (word, name, params, returns, options), colon, statements = c
        first = literal(statements[0])
        doc = inspect.cleandoc(first) if isinstance(first, str) else ""
        return syntax.Flow(
            name.value, params, self.body(statements), returns, options, doc, span=self.span(word, colon)
        )

    def _doc(self, text: Expr) -> str:
        return inspect.cleandoc(text.value) if isinstance(text, syntax.Constant) and isinstance(text.value, str) else ""

    def test(self, c: list[Any]) -> Declaration:
        word, title, colon, statements = c
        name = ""
        if isinstance(title, syntax.Constant) and isinstance(title.value, str):
            name = title.value
        else:
            self.report("syntax-place", title.span, "the title of a test is a plain string", help="remove the prefix")
        return syntax.Test(name, self.body(statements), span=self.span(word, colon))

    def defaults(self, c: list[Any]) -> None:
        self.report(
            "syntax-later",
            self.span(c[0], c[0]),
            "`defaults with ...` is kept for a later version of the language",
            help="put the options on the flows or calls that need them",
        )


def _kind(param: syntax.Param, kind: Literal["pos", "kw"]) -> syntax.Param:
    return syntax.Param(param.name, param.annotation, param.default, kind, span=param.span)
