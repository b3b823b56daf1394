"""The tree builder: statements. The span of a statement with a suite is its head."""

from __future__ import annotations

from typing import Any, Literal, cast

from attrs import evolve

from .. import syntax
from ..syntax import Expr, Stmt
from .patterns import Patterns
from .tokens import Token


class Statements(Patterns):
    """Builds statements; None stands for one that was reported and left out."""

    def body(self, statements: list[Any]) -> tuple[Stmt, ...]:
        """The statements of a suite; strings among them are comments in quotes."""
        body: list[Stmt] = []
        for statement in statements:
            if type(statement) is list:
                body.extend(statement)
            elif statement is not None and not isinstance(literal(statement), str | bytes):
                body.append(statement)
        return tuple(body)

    def bad(self, c: list[Any]) -> None:
        return None

    # ---- one line ------------------------------------------------------------------------------

    def expression_statement(self, c: list[Any]) -> Stmt:
        if type(c[0]) is syntax.Constant and c[0].value is ...:
            return syntax.Pass(span=c[0].span)
        return syntax.ExprStmt(c[0], span=self.span(c[0], c[0]))

    def target_run(self, c: list[Any]) -> list[Expr]:
        return [self.target(c[0])]

    def target_run_on(self, c: list[Any]) -> list[Expr]:
        c[0].append(self.target(c[1]))
        return c[0]  # type: ignore[no-any-return]

    def assign(self, c: list[Any]) -> Stmt | list[Stmt]:
        targets, value, _ = c
        span = self.span(targets[0], value)
        if len(targets) == 1:
            return syntax.Assign(targets[0], value, span=span)
        # a = b = f(): the first plain name takes the value, the others take it from there.
        held = next((target for target in targets if isinstance(target, syntax.Name)), None)
        if held is None:
            self.report(
                "syntax-target",
                span,
                "in this double assignment no plain name takes the value",
                help="assign it to a name first",
            )
            return []
        rest = [syntax.Assign(target, held, span=span) for target in targets if target is not held]
        return [syntax.Assign(held, value, span=span), *rest]

    def assign_typed(self, c: list[Any]) -> Stmt:
        target, _, annotation, _, value, _ = c
        self._single(target)
        return syntax.Assign(target, value, annotation, span=self.span(target, value))

    def declare(self, c: list[Any]) -> Stmt:
        """``x: int`` binds nothing, as in Python."""
        self._single(c[0])
        if isinstance(c[0], syntax.Name) and c[0].id in ("parallel", "transaction"):
            self.report(
                "syntax-suite",
                self.span(c[0], c[2]),
                "a suite stands on lines of its own",
                help="break the line after the colon and indent what follows by four spaces",
            )
        return syntax.Pass(span=self.span(c[0], c[2]))

    def _single(self, target: Expr) -> None:
        if not isinstance(target, syntax.Name):
            self.report(
                "syntax-target",
                target.span,
                "a type belongs to one name",
                help="assign first, then give the parts their types",
            )

    def aug_assign(self, c: list[Any]) -> Stmt:
        target, operator, value, _ = c
        if isinstance(target, syntax.Display):
            self.report(
                "syntax-target",
                target.span,
                f"`{operator.value}` changes one name",
                help="write one line for each name",
            )
        else:
            self.target(target)
        return syntax.AugAssign(target, operator.value[:-1], value, span=self.span(target, value))

    def return_nothing(self, c: list[Any]) -> Stmt:
        return syntax.Return(span=self.span(c[0], c[0]))

    def return_value(self, c: list[Any]) -> Stmt:
        return syntax.Return(c[1], span=self.span(c[0], c[1]))

    def yield_nothing(self, c: list[Any]) -> Stmt:
        span = self.span(c[0], c[0])
        return syntax.Yield(syntax.Constant(None, span=span), span=span)

    def yield_value(self, c: list[Any]) -> Stmt:
        return syntax.Yield(c[1], span=self.span(c[0], c[1]))

    def reraise(self, c: list[Any]) -> Stmt:
        return syntax.Raise(span=self.span(c[0], c[0]))

    def raise_error(self, c: list[Any]) -> Stmt:
        cause = c[3] if len(c) == 5 else None
        return syntax.Raise(c[1], cause, span=self.span(c[0], cause or c[1]))

    def assert_that(self, c: list[Any]) -> Stmt:
        message = c[3] if len(c) == 5 else None
        test = c[1]
        return syntax.Assert(test, message, span=self.span(c[0], message or test))

    def break_loop(self, c: list[Any]) -> Stmt:
        return syntax.Break(span=self.span(c[0], c[0]))

    def continue_loop(self, c: list[Any]) -> Stmt:
        return syntax.Continue(span=self.span(c[0], c[0]))

    def pass_by(self, c: list[Any]) -> Stmt:
        return syntax.Pass(span=self.span(c[0], c[0]))

    def mock(self, c: list[Any]) -> Stmt:
        word, target, _, value, _ = c
        return syntax.Mock(target, value, span=self.span(word, value))

    def mock_raises(self, c: list[Any]) -> Stmt:
        word, target, _, error, _ = c
        return syntax.Mock(target, None, error, span=self.span(word, error))

    # ---- branches ------------------------------------------------------------------------------

    def if_arm(self, c: list[Any]) -> tuple[Token, list[Expr], list[tuple[Stmt, ...]], Token]:
        word, test, colon, body = c
        return word, [test], [self.body(body)], colon

    def elif_arm(self, c: list[Any]) -> Any:
        arms, _, test, _, body = c
        arms[1].append(test)
        arms[2].append(self.body(body))
        return arms

    def if_statement(self, c: list[Any]) -> Stmt:
        word, tests, bodies, colon = c[0]
        orelse = self.body(c[3]) if len(c) == 4 else ()
        return syntax.If(tuple(tests), tuple(bodies), orelse, span=self.span(word, colon))

    def match_statement(self, c: list[Any]) -> Stmt:
        word, subject, colon, _, _, cases, _ = c
        return syntax.Match(subject, tuple(case for case in cases if case is not None), span=self.span(word, colon))

    def case(self, c: list[Any]) -> syntax.Case:
        guard = c[3] if len(c) == 6 else None
        self.check_captures(c[1])
        return syntax.Case(c[1], guard, self.body(c[-1]), span=self.span(c[0], c[-2]))

    # ---- loops ---------------------------------------------------------------------------------

    def for_head(self, c: list[Any]) -> syntax.For:
        word, target, _, source = c[:4]
        options = c[4] if len(c) == 5 else []
        self.check_options(options)
        last = options[-1] if options else source
        return syntax.For(self.target(target), source, (), (), tuple(options), span=self.span(word, last))

    def for_loop(self, c: list[Any]) -> syntax.For:
        head = c[0]
        orelse = self.body(c[5]) if len(c) == 6 else ()
        done: syntax.For = evolve(head, body=self.body(c[2]), orelse=orelse, span=self.span(head, c[1]))
        return done

    def collect(self, c: list[Any]) -> Stmt:
        targets, loop = c
        if len(targets) > 1:
            self.report(
                "syntax-target",
                self.span(targets[0], targets[-1]),
                "a collecting `for` has one target",
                help="assign the others from it on the next line",
            )
        return evolve(loop, into=targets[0], span=self.span(targets[0], loop))  # type: ignore[no-any-return]

    def collect_typed(self, c: list[Any]) -> Stmt:
        target, _, annotation, _, loop = c
        self._single(target)
        return evolve(loop, into=target, annotation=annotation, span=self.span(target, loop))  # type: ignore[no-any-return]

    def while_loop(self, c: list[Any]) -> Stmt:
        word, test = c[0], c[1]
        rest = c[2:]
        options: list[syntax.Option] = []
        if isinstance(rest[0], list):
            options = rest[0]
            rest = rest[1:]
        self.check_options(options)
        limit = None
        for option in options:
            if option.name == "max":
                limit = cast(Expr, option.value)
            else:
                self.report(
                    "syntax-options",
                    option.span,
                    f"`while` has no option `{option.name}`",
                    expected="max",
                    found=option.name,
                    help="`while cond with max=500:` limits the passes",
                )
        orelse = self.body(rest[4]) if len(rest) == 5 else ()
        return syntax.While(test, self.body(rest[1]), orelse, limit, span=self.span(word, rest[0]))

    # ---- scopes --------------------------------------------------------------------------------

    def with_block(self, c: list[Any]) -> Stmt | None:
        word, options, colon, body = c
        return self._scopes(word, options, colon, body)

    def with_block_bracketed(self, c: list[Any]) -> Stmt | None:
        return self._scopes(c[0], c[2], c[-2], c[-1])

    def _scopes(self, word: Token, options: list[syntax.Option], colon: Token, body: list[Any]) -> Stmt | None:
        """``with timeout=5s, lock="a":`` is one scope in another."""
        self.check_options(options)
        inner = self.body(body)
        made: Stmt | None = None
        for option in reversed(options):
            if option.name not in ("timeout", "lock"):
                self.report(
                    "syntax-with",
                    option.span,
                    f"there is no scope `{option.name}`",
                    expected="timeout or lock",
                    found=option.name,
                    help='`with timeout=5s:` and `with lock="name":` are the scopes',
                )
                continue
            kind = cast(Literal["timeout", "lock"], option.name)
            made = syntax.With(kind, cast(Expr, option.value), inner, span=self.span(word, colon))
            inner = (made,)
        return made

    def transaction(self, c: list[Any]) -> Stmt:
        options = c[1] if len(c) == 4 else []
        self.check_options(options)
        timeout = None
        for option in options:
            if option.name == "timeout":
                timeout = cast(Expr, option.value)
            else:
                self.report(
                    "syntax-options",
                    option.span,
                    f"`transaction` has no option `{option.name}`",
                    expected="timeout",
                    found=option.name,
                    help="`transaction with timeout=2m:` is the only one",
                )
        return syntax.With("transaction", timeout, self.body(c[-1]), span=self.span(c[0], c[-2]))

    def parallel(self, c: list[Any]) -> Stmt:
        return syntax.Parallel(self.body(c[2]), span=self.span(c[0], c[1]))

    # ---- errors --------------------------------------------------------------------------------

    def handler_any(self, c: list[Any]) -> syntax.Except:
        return syntax.Except(None, None, self.body(c[2]), span=self.span(c[0], c[1]))

    def handler(self, c: list[Any]) -> syntax.Except:
        name = c[3].value if len(c) == 6 else None
        return syntax.Except(c[1], name, self.body(c[-1]), span=self.span(c[0], c[-2]))

    def try_statement(self, c: list[Any]) -> Stmt:
        orelse: tuple[Stmt, ...] = ()
        final: tuple[Stmt, ...] = ()
        for word, suite in zip(c[4::3], c[6::3], strict=True):
            if word.type == "ELSE":
                orelse = self.body(suite)
            else:
                final = self.body(suite)
        handlers = tuple(handler for handler in c[3] if handler is not None)
        return syntax.Try(self.body(c[2]), handlers, orelse, final, span=self.span(c[0], c[1]))

    def try_finally(self, c: list[Any]) -> Stmt:
        return syntax.Try(self.body(c[2]), (), (), self.body(c[5]), span=self.span(c[0], c[1]))


def literal(statement: Any) -> object:
    """The value of a statement that is nothing but a literal."""
    if type(statement) is syntax.ExprStmt and type(statement.value) is syntax.Constant:
        return statement.value.value
    return None
