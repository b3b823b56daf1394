"""Every way a file, an import or a declaration can be wrong: the finding, its line, words of its message; read and run alike."""

# ruff: noqa: E501 - tables

from __future__ import annotations

from pathlib import Path

import pytest

from cflow.compiler.diagnostics import Collector, ProgramError
from cflow.dsl.loader import load_module, load_text

SHOP = "LIMIT = 3\nimport os\ndef reserve(sku): return sku\nclass Item: pass\ndef _hidden(): pass\n"

# title: (text of main.cflow, other files, [(line, id, words)])
CASES: dict[str, tuple[str, dict[str, str], list[tuple[int, str, str]]]] = {
    "nothing wrong": ('from "./shop.py" import reserve\n', {"shop.py": SHOP}, []),
    "no such file": ('from "./shpo.py" import f\n', {"shop.py": SHOP}, [(1, "file-not-found", "no file './shpo.py'|shpo.py")]),
    "a folder": ('from "./shop.py" import f\n', {"shop.py/x.cflow": ""}, [(1, "file-not-readable", "is a folder")]),
    "neither kind": ('from "./shop.txt" import f\n', {"shop.txt": ""}, [(1, "import-kind", "neither a .py nor a .cflow")]),
    "a backslash": ('from ".\\\\shop" import f\n', {}, [(1, "import-kind", "neither")]),
    "a NUL in a path": ('from "./a\\0.py" import f\n', {}, [(1, "file-not-readable", "")]),
    "a missing name": ('from "./shop.py" import reserv\n', {"shop.py": SHOP}, [(1, "import-name", "has no 'reserv'")]),
    "a private name": ('from "./shop.py" import _hidden\n', {"shop.py": SHOP}, [(1, "import-name", "private")]),
    "a module within": ('from "./shop.py" import os\n', {"shop.py": SHOP}, [(1, "import-name", "has no 'os'")]),
    "no such pack": ("import htpt\n", {}, [(1, "import-not-found", "no pack or module 'htpt'")]),
    "a file as a pack": ("import helpers\n", {"helpers.py": ""}, [(1, "import-not-found", "helpers")]),
    "a missing name of a pack": ("from csv import reed\n", {}, [(1, "import-name", "'csv' has no 'reed'")]),
    "what a pack imports": ("from csv import trio\n", {}, [(1, "import-name", "has no 'trio'")]),
    "options of a class": ('from "./shop.py" import Item with pure=True\n', {"shop.py": SHOP}, [(1, "import-options", "no function")]),
    "contradicting options": (
        'from "./shop.py" import reserve with pure=True, writes="x"\n', {"shop.py": SHOP}, [(1, "import-options", "pure or")],
    ),
    "an option that is no constant": (
        'const N: int = 2\nfrom "./shop.py" import reserve with retry=N + unknown\n', {"shop.py": SHOP},
        [(2, "import-options", "'unknown' is not defined")],
    ),
    "undo that is no node": (
        'from "./shop.py" import reserve with writes="x", undo=LIMIT\n', {"shop.py": SHOP}, [(1, "import-options", "undo=")],
    ),
    "a cycle of files": (
        'from "./b.cflow" import g\nflow f() -> int:\n    return g()\n',
        {"b.cflow": 'from "./main.cflow" import f\nflow g() -> int:\n    return f()\n'},
        [(1, "import-cycle", "main.cflow -> b.cflow -> main.cflow")],
    ),
    "a file that imports itself": ('from "./main.cflow" import f\n', {}, [(1, "import-cycle", "main.cflow -> main.cflow")]),
    "a name of another file": ('from "./b.cflow" import h\n', {"b.cflow": "const H: int = 1\n"}, [(1, "import-name", "has no 'h'")]),
    "twice": ("const A: int = 1\nconst A: int = 2\n", {}, [(2, "duplicate-name", "'A' is declared twice")]),
    "twice by import": ('from "./shop.py" import reserve\nsecret reserve\n', {"shop.py": SHOP}, [(2, "duplicate-name", "reserve")]),
    "a form's name": ('from "./shop.py" import reserve as race\n', {"shop.py": SHOP}, [(1, "reserved-name", "'race'")]),
    "a constant of the wrong type": ('const A: int = "x"\n', {}, [(1, "wrong-constant", "expected int, found 'x'")]),
    "a default of the wrong type": ('type T:\n    a: int = "x"\n', {}, [(2, "wrong-constant", "default of 'a'")]),
    "an env default of the wrong type": ('env N: int = "x"\n', {}, [(1, "wrong-constant", "default of 'N'")]),
    "no constant": ("secret K\nconst A: str = K\n", {}, [(2, "not-constant", "read when a run starts")]),
    "a call in a constant": ('from "./shop.py" import reserve\nconst A = reserve("x")\n', {"shop.py": SHOP}, [(2, "not-constant", "call")]),
    "a constant that fails": ("const A = 1 // 0\n", {}, [(1, "not-constant", "ZeroDivisionError")]),
    "a constant of itself": ("const A: int = B\nconst B: int = A\n", {}, [(1, "declaration-cycle", "A -> B -> A")]),
    "an alias of itself": ("type A = list[A]\n", {}, [(1, "declaration-cycle", "A -> A")]),
    "a misspelled type": ("type T:\n    a: strr\n", {}, [(2, "unknown-type", "no type 'strr'")]),
    "a value as a type": ("const A: int = 1\ntype T:\n    a: A\n", {}, [(3, "not-a-type", "'A' is not a type")]),
    "arguments of a plain type": ("type T:\n    a: int[str]\n", {}, [(2, "not-a-type", "int takes no arguments")]),
    "too few arguments": ("type T:\n    a: dict[str]\n", {}, [(2, "not-a-type", "a key and a value")]),
    "a private field": ("type T:\n    _a: int\n", {}, [(2, "field-name", "'_a'")]),
    "the field self": ("type T:\n    self: int\n", {}, [(2, "field-name", "'self'")]),
}  # fmt: skip


@pytest.mark.parametrize("execute", [False, True], ids=["read", "run"])
@pytest.mark.parametrize("title", CASES)
def test_findings(title: str, execute: bool, write) -> None:
    text, files, expected = CASES[title]
    folder = write({**files, "main.cflow": text})
    collector = Collector()
    load_module(folder / "main.cflow", execute=execute, collector=collector)
    found = [d for d in collector.items if not d.id.startswith("syntax")]
    assert [(d.span.line, d.id) for d in found] == [(line, id) for line, id, _ in expected], collector.items
    for diagnostic, (_, _, words) in zip(found, expected, strict=True):
        assert any(w in diagnostic.message for w in words.split("|")), diagnostic.message
        assert diagnostic.severity == "error"


FILES: dict[str, tuple[bytes, str, str]] = {
    "latin-1": ("const A = 'caf\xe9'\n".encode("latin-1"), "file-encoding", "byte 0xe9 on line 1"),
    "utf-16": ("const A = 1\n".encode("utf-16"), "file-encoding", "UTF-16"),
    "nul": (b"const A = 1\n\0", "file-encoding", "NUL"),
    "long": (b"#" * 8_000_001, "file-not-readable", "longer than"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("suffix", [".cflow", ".py"])
@pytest.mark.parametrize("execute", [False, True], ids=["read", "run"])
def test_bytes_that_are_no_text(name: str, suffix: str, execute: bool, write) -> None:
    data, id, words = FILES[name]
    folder = write({f"main{suffix}": data})
    collector = Collector()
    assert load_module(folder / f"main{suffix}", execute=execute, collector=collector) is None
    assert [d.id for d in collector.items] == [id]
    assert words in collector.items[0].message


def test_a_byte_order_mark_is_fine(write) -> None:
    folder = write({"main.cflow": b"\xef\xbb\xbfconst A: int = 1\n"})
    module = load_module(folder / "main.cflow")
    assert module is not None
    assert module.names["A"] == 1


def test_the_file_itself(tmp_path: Path) -> None:
    for path, id in (
        (tmp_path / "none.cflow", "file-not-found"),
        (tmp_path, "file-not-readable"),
        (Path("/dev/zero"), "file-not-readable"),
        (tmp_path / "a\0b.cflow", "file-not-readable"),
        (tmp_path / ("x" * 300 + ".cflow"), "file-not-readable"),
    ):
        with pytest.raises(ProgramError) as error:
            load_module(path)
        assert [d.id for d in error.value.diagnostics] == [id]
        assert error.value.diagnostics[0].span.line == 1


def test_a_neighbour_is_offered(write) -> None:
    folder = write({"main.cflow": 'from "./shpo.py" import f\n', "shop.py": ""})
    with pytest.raises(ProgramError) as error:
        load_module(folder / "main.cflow")
    assert error.value.diagnostics[0].help == "did you mean 'shop.py'?"


def test_several_findings_in_one_go() -> None:
    with pytest.raises(ProgramError) as error:
        load_text('import htpt\nconst A: int = "x"\nfrom "./no.py" import f\ntype T:\n    a: strr\n')
    assert sorted(d.id for d in error.value.diagnostics) == [
        "file-not-found", "import-not-found", "unknown-type", "wrong-constant",
    ]  # fmt: skip


def test_text_of_a_file_that_is_known(write) -> None:
    folder = write({"shop.py": "def f(): pass\n"})
    collector = Collector()
    load_text('from "./shop.py" import f, g\n', base=folder / "main.cflow", collector=collector)
    assert [d.span.file for d in collector.items] == [str(folder / "main.cflow")]
