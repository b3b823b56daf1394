"""Where the source of a flow is found, when it is read, and what is said where it cannot be had."""

from __future__ import annotations

import functools
import importlib.util
import linecache
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from python_sources import execute, show

import cflow
from cflow import flow, node
from cflow.compiler.diagnostics import Collector, ProgramError
from cflow.dsl import syntax
from cflow.dsl.python import read_flow, read_flow_ast
from cflow.dsl.scope import FlowBinding, NodeBinding, Scope, ValueBinding

HEAD = "from cflow import flow, node, parallel\n"


def read(declared: Any) -> tuple[syntax.Flow, Scope]:
    found: tuple[syntax.Flow, Scope] = declared.source.loaded()
    return found


def returned(declared: Any) -> str:
    (statement,) = read(declared)[0].body
    return show(statement)


def module_of(path: Path, code: str, name: str = "shop") -> Any:
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bump(path: Path, code: str) -> None:
    """Another text, and surely another time of change."""
    path.write_text(code, encoding="utf-8")
    os.utime(path, ns=(1, 1))


# ---- where it is found ---------------------------------------------------------------------------


@flow
def here(x: int) -> int:
    return x


class Shop:
    @staticmethod
    @flow
    def inner(x: int) -> int:
        return x

    @flow
    @staticmethod
    def outer(x: int) -> int:
        return x


@pytest.mark.parametrize("declared", [here, Shop.inner, Shop().outer])
def test_in_this_file(declared: Any) -> None:
    tree, _ = read(declared)
    assert tree.span.file == __file__
    assert returned(declared) == "Return(value=Name('x'))"
    line = linecache.getline(__file__, tree.body[0].span.line)
    assert line.strip() == "return x"
    assert line[tree.body[0].span.column - 1 :].rstrip() == "return x"


def test_positions_are_those_of_the_file(tmp_path: Path) -> None:
    code = HEAD + '\n\n@flow\ndef main(é):\n    ünï = "ß"; x = f(é)\n    return (x\n        .y)\n'
    tree, _ = read(module_of(tmp_path / "shop.py", code).main)
    first, second, third = tree.body
    assert str(tree.span) == f"{tmp_path / 'shop.py'}:5:1"
    assert (first.span.line, first.span.column, first.span.end_column) == (6, 5, 14)
    assert (second.span.column, second.span.end_column) == (16, 24)
    assert (third.span.line, third.span.end_line, third.span.end_column) == (7, 8, 12)


def test_a_closure_is_read_where_it_stands() -> None:
    def make(n: int) -> Any:
        @flow
        def inner(x: int) -> int:
            return x + n

        return inner

    one, two = make(1), make(2)
    assert one.source.key != two.source.key
    for declared, value in ((one, 1), (two, 2)):
        binding = read(declared)[1].lookup("n")
        assert isinstance(binding, ValueBinding)
        assert binding.value == value


def test_defaults_and_options_are_those_of_the_definition() -> None:
    made = []
    for n in (1, 2):

        @flow(timeout=n, undo=here)
        def inner(x: int, k: int = n, xs: Any = (here, n)) -> int:
            return x

        made.append(inner)
    tree, scope = read(made[0])
    assert show(tree.params[1].default) == "Constant(1)"
    assert show(tree.options) == "(Option('timeout', Constant(1)), Option('undo', Name('@undo')))"
    assert isinstance(scope.lookup("@undo"), FlowBinding)
    assert show(tree.params[2].default) == "Name('xs=')"
    kept = scope.lookup("xs=")
    assert isinstance(kept, ValueBinding)
    assert kept.value[1] == 1


def test_options_without_a_decorator() -> None:
    def plain(x: int) -> int:
        return x

    tree, _ = read(flow(timeout="5s")(plain))
    assert show(tree.options) == "(Option('timeout', Constant('5s')),)"
    assert tree.options[0].span.line == tree.span.line


def test_undo_of_a_flow_by_a_lambda() -> None:
    @flow(undo=lambda r: here(r))
    def inner(x: int) -> int:
        return x

    assert show(read(inner)[0].options) == (
        "(Option('undo', UndoCall(Call(Name('here'), args=(Name('r'),)), result='r')),)"
    )


def test_a_notebook_cell() -> None:
    first = execute(HEAD + "@flow\ndef main(x):\n    return 1\n")["main"]
    second = execute(HEAD + "@flow\ndef main(x):\n    return 2\n")["main"]
    assert returned(first) == "Return(value=Constant(1))"
    assert returned(second) == "Return(value=Constant(2))"
    assert first.source.key != second.source.key


def test_a_cell_with_magics_around_the_flow() -> None:
    code = "%matplotlib inline\n" + HEAD + "if True:\n    @flow\n    def main(x):\n        return x  # ü\n\n!ls\n"
    lines = code.splitlines(keepends=True)
    linecache.cache["<magic>"] = (len(code), None, lines, "<magic>")
    good = "".join("\n" if line[0] in "%!" else line for line in lines)
    namespace: dict[str, Any] = {}
    exec(compile(good, "<magic>", "exec"), namespace)
    tree, _ = read(namespace["main"])
    assert (tree.span.line, tree.span.column) == (5, 5)
    assert (tree.body[0].span.line, tree.body[0].span.column, tree.body[0].span.end_column) == (6, 9, 17)


def test_two_definitions_in_one_file(tmp_path: Path) -> None:
    code = HEAD + "@flow\ndef main(x):\n    return 1\nfirst = main\n\n@flow\ndef main(x):\n    return 2\n"
    module = module_of(tmp_path / "shop.py", code)
    assert returned(module.first) == "Return(value=Constant(1))"
    assert returned(module.main) == "Return(value=Constant(2))"


# ---- when it is read -----------------------------------------------------------------------------


def test_nothing_is_read_before_the_first_use() -> None:
    namespace: dict[str, Any] = {}
    exec(HEAD + "@flow\ndef main(x):\n    return x\n", namespace)
    assert repr(namespace["main"]).startswith("<flow main")


def test_forward_references_and_mutual_recursion() -> None:
    names = execute(
        HEAD
        + """
@flow
def even(n: int) -> bool:
    return n == 0 or odd(n - 1)

@flow
def odd(n: int) -> bool:
    return n != 0 and even(n - 1) and later(n)

@node
def later(n): ...
"""
    )
    scope = read(names["even"])[1]
    found = scope.lookup("odd")
    assert isinstance(found, FlowBinding)
    assert found.source is names["odd"].source
    assert isinstance(read(names["odd"])[1].lookup("later"), NodeBinding)


def test_a_name_that_is_not_bound_yet() -> None:
    @flow
    def inner(x: int) -> int:
        return x + later

    scope = read(inner)[1]
    assert scope.lookup("later") is None
    assert scope.lookup("nowhere") is None
    later = 1


def test_the_scope_is_a_snapshot() -> None:
    names = execute(HEAD + "LIMITS = [1, {'a': [2]}]\n@flow\ndef main(x):\n    return LIMITS\n")
    binding = read(names["main"])[1].lookup("LIMITS")
    assert isinstance(binding, ValueBinding)
    names["LIMITS"][1]["a"].append(3)
    names["LIMITS"] = 0
    assert binding.value == [1, {"a": [2]}]
    assert read(names["main"])[1].lookup("LIMITS") is binding


# ---- where it cannot be had ----------------------------------------------------------------------


def complaint(declared: Any) -> str:
    with pytest.raises(ProgramError) as caught:
        declared.source.loaded()
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.id == "no-source"
    assert diagnostic.severity == "error"
    return f"{diagnostic.message} / {diagnostic.help}"


def test_exec_without_linecache() -> None:
    namespace: dict[str, Any] = {}
    exec(HEAD + "@flow\ndef main(x):\n    return x\n", namespace)
    words = complaint(namespace["main"])
    assert "'main' cannot be had" in words
    assert "put it in a file or a notebook cell" in words


@pytest.mark.parametrize(
    "after",
    [
        HEAD + "\n\n\n@flow\ndef main(x):\n    return x\n",
        HEAD + "@flow\ndef other(x):\n    return x\n",
        HEAD + "@flow\ndef main(y):\n    return y\n",
        HEAD + "@flow\ndef main(x):\n    y = x\n    return y\n",
        HEAD + "@flow\ndef main(x):\n    return x + 1\n",
        HEAD + "@flow\ndef main(x):\n    return -x\n",
        HEAD + "@flow\ndef main(x):\n    return [x for x in x]\n",
    ],
    ids=["moved", "renamed", "other parameters", "other names", "other constants", "other operator", "other parts"],
)
def test_a_file_that_has_changed(tmp_path: Path, after: str) -> None:
    path = tmp_path / "shop.py"
    module = module_of(path, HEAD + "@flow\ndef main(x):\n    return x\n")
    bump(path, after)
    assert "has changed since it was imported" in complaint(module.main)


def test_docs_and_comments_that_have_changed_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "shop.py"
    code = '@flow\ndef main(x, n=K):\n    """{}"""\n    return [y + 1 for y in x]{}\n'
    module = module_of(path, HEAD + "K = 1\n" + code.format("Old.", ""))
    bump(path, HEAD + "K = 1\n" + code.format("New.", "  # changed"))
    assert read(module.main)


def test_a_body_is_told_from_another_where_it_closes_over_names(tmp_path: Path) -> None:
    path = tmp_path / "shop.py"
    code = (
        "def make(k, f):\n    @flow\n    def main(x):\n        return f(x + k, [y + k for y in x])\n    return main\n"
    )
    main = module_of(path, HEAD + code + "main = make(1, max)\n").main
    assert read(main)
    other = module_of(path, HEAD + code + "main = make(1, max)\n").main
    bump(path, HEAD + code.replace("x + k", "x - k") + "main = make(1, max)\n")
    assert "has changed since it was imported" in complaint(other)


def test_a_file_that_is_no_python_any_more(tmp_path: Path) -> None:
    path = tmp_path / "shop.py"
    module = module_of(path, HEAD + "@flow\ndef main(x):\n    return x\n")
    bump(path, HEAD + "@flow\ndef main(x:\n    return x\n")
    assert "cannot be read" in complaint(module.main)
    bump(path, "(\n" + HEAD + "x = 1\n")
    assert "is not at" in complaint(module.main)


def test_names_in_branches_that_python_leaves_out_do_not_matter(tmp_path: Path) -> None:
    body = "    if 0:\n        a = 1\n    b: int\n    if not __debug__:\n        c = 1\n    return x\n"
    code = HEAD + "@flow\ndef main(x):\n" + body
    assert read(module_of(tmp_path / "shop.py", code).main)


def test_another_decorator_in_between() -> None:
    def loud(function: Any) -> Any:
        @functools.wraps(function)
        def run(*args: Any) -> Any:
            return function(*args)

        return run

    @flow
    @loud
    def main(x: int) -> int:
        return x

    assert "put @flow nearest to the function" in complaint(main)


def test_decorators_that_give_the_function_back_do_no_harm() -> None:
    def known(function: Any) -> Any:
        return function

    @known
    @flow
    @known
    def main(x: int) -> int:
        return x

    assert returned(main) == "Return(value=Name('x'))"


def test_a_lambda() -> None:
    assert "is not a function with a source" in complaint(flow(lambda x: x))


def test_the_prompt(tmp_path: Path) -> None:
    """``python -c`` has no source before Python 3.13; a file has, also where it runs as a script."""
    code = HEAD + "@flow\ndef main(x):\n    return x\nprint(len(main.source.loaded()[0].body))\n"
    path = tmp_path / "script.py"
    path.write_text(code, encoding="utf-8")
    ran = subprocess.run([sys.executable, path.name], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == "1\n"


# ---- without running anything --------------------------------------------------------------------


def test_reading_a_parsed_definition() -> None:
    import ast

    code = "@flow(timeout=5)\ndef main(x: It[int] = CAP):\n    for y in many(x, limit=2):\n        ü = f(y)\n"
    (node_,) = ast.parse(code).body
    assert isinstance(node_, ast.FunctionDef)
    names: dict[str, Any] = {}
    exec("from cflow import flow, parallel as many\nfrom typing import Iterator as It\ndef f(x): ...", names)
    from cflow.dsl.nodes import binding_of
    from cflow.dsl.scope import DictScope

    scope = DictScope({k: binding_of(v, k) for k, v in names.items() if not k.startswith("__")})
    collector = Collector()
    tree = read_flow_ast(node_, "shop.py", scope, collector, code.splitlines(keepends=True))
    assert show(tree.options) == "(Option('timeout', Constant(5)),)"
    assert show(tree.params) == "(Param('x', annotation=Subscript(Name('stream'), Name('int')), default=Name('CAP')),)"
    assert show(tree.body[0]).startswith("For(Name('y'), Name('x'), (Assign(Name('ü'), ")
    assert show(tree.body[0]).endswith("options=(Option('parallel', Constant(2)),))")
    assert not collector.items


def test_read_flow_takes_any_function() -> None:
    def plain(x: int) -> int:
        return x

    assert read_flow(plain, Collector())[0].name == "plain"


def test_nodes_and_flows_show_their_function_to_tools() -> None:
    import inspect

    assert str(inspect.signature(here)) == "(x: 'int') -> 'int'"
    assert inspect.getdoc(node(test_a_lambda)) == inspect.getdoc(test_a_lambda)
    assert cflow.flow is flow
