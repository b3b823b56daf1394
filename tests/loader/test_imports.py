"""Imports that are executed: identity, siblings, packages, caching; and what a host allows."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cflow.compiler.diagnostics import Collector, ProgramError
from cflow.compiler.spec import PURE, Effects
from cflow.dsl.loader import load_module, load_text
from cflow.dsl.loader.python_files import import_file
from cflow.dsl.scope import FlowBinding, NodeBinding, PackBinding

POISON = (
    "open({!r}, 'w').close()\nfrom cflow import node, flow\n@node(pure=True)\ndef f(x: int) -> int:\n    return x\n"
)


def test_reading_executes_nothing(write, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    folder = write(
        {
            "poison.py": POISON.format(str(mark)) + "@flow\ndef g() -> int:\n    return f(1)\n",
            "poisoned/__init__.py": POISON.format(str(mark)),
            "main.cflow": 'from "./poison.py" import f\nfrom "./b.cflow" import h\nflow main() -> int:\n    return f(1) + h()\n',
            "b.cflow": 'from "./poisoned/__init__.py" import f\nflow h() -> int:\n    return f(2)\n',
        }
    )
    for name in ("main.cflow", "poison.py"):
        collector = Collector()
        assert load_module(folder / name, execute=False, collector=collector) is not None
        assert collector.items == []
    assert not mark.exists()
    load_module(folder / "main.cflow")
    assert mark.exists()


def test_reading_imports_no_module(write) -> None:
    """In a fresh process: no pack, no library and no file is imported for a check."""
    folder = write({"shop.py": "import wave\ndef f(x): pass\n", "main.cflow": ""})
    text = 'import http, csv, wave\nfrom math import sqrt\nfrom statistics import mean\nfrom "./shop.py" import f\nflow g() -> Any:\n    return f(1)\n'
    (folder / "main.cflow").write_text(text)
    code = (
        "import sys\nfrom cflow.dsl.loader import load_module\nfrom cflow.compiler.diagnostics import Collector\n"
        f"c = Collector()\nassert load_module({str(folder / 'main.cflow')!r}, execute=False, collector=c)\n"
        "assert not c.items, c.items\n"
        "print([m for m in ('httpx', 'wave', 'shop', 'cflow.stdlib_nodes.http', 'cflow.stdlib_nodes.csv') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_module_for_all_who_import_it(write) -> None:
    folder = write(
        {
            "shop.py": "class Item: pass\n",
            "a.cflow": 'from "./shop.py" import Item\n',
            "b.cflow": 'from "./shop.py" import Item\nfrom "./a.cflow" import Item as Other\n',
        }
    )
    a, b = load_module(folder / "a.cflow"), load_module(folder / "b.cflow")
    assert a is not None
    assert b is not None
    assert a.names["Item"] is b.names["Item"] is b.names["Other"]


def test_a_changed_file_is_executed_again(write) -> None:
    folder = write({"shop.py": "N = 1\n", "main.cflow": 'from "./shop.py" import N\n'})
    first = load_module(folder / "main.cflow")
    (folder / "shop.py").write_text("N = 2  # longer\n")
    second = load_module(folder / "main.cflow")
    assert first is not None
    assert second is not None
    assert (first.names["N"], second.names["N"]) == (1, 2)


def test_siblings_and_lazy_imports(write) -> None:
    folder = write(
        {
            "shop.py": "import prices_\ndef f(): return prices_.P\ndef g():\n    import later_\n    return later_.L\n",
            "prices_.py": "P = 3\n",
            "later_.py": "L = 4\n",
            "main.cflow": 'from "./shop.py" import f, g\n',
        }
    )
    module = load_module(folder / "main.cflow")
    assert module is not None
    assert (module.names["f"](), module.names["g"]()) == (3, 4)


def test_two_folders_with_helpers_of_one_name(write) -> None:
    files = {}
    for name in ("a", "b"):
        files[f"{name}/shop.py"] = "import helpers_\nNAME = helpers_.NAME\n"
        files[f"{name}/helpers_.py"] = f"NAME = {name!r}\n"
        files[f"{name}/main.cflow"] = 'from "./shop.py" import NAME\n'
    folder = write(files)
    found = [load_module(folder / name / "main.cflow") for name in ("a", "b", "a")]
    assert [m.names["NAME"] for m in found if m is not None] == ["a", "b", "a"]


def test_a_file_called_like_a_module_hides_nothing(write) -> None:
    folder = write({"json.py": "def dumps(x): return 'mine'\n", "main.cflow": 'from "./json.py" import dumps\n'})
    module = load_module(folder / "main.cflow")
    import json

    assert module is not None
    assert module.names["dumps"](1) == "mine"
    assert json.dumps(1) == "1"


def test_a_file_of_a_package(write) -> None:
    folder = write(
        {
            "store_/__init__.py": "",
            "store_/shop.py": "from .prices import P\nfrom . import prices\ndef f(): return P\n",
            "store_/prices.py": "P = 5\n",
            "main.cflow": 'from "./store_/shop.py" import f\n',
        }
    )
    module = load_module(folder / "main.cflow")
    assert module is not None
    assert module.names["f"]() == 5


def test_the_program_itself_is_not_executed_twice(write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(
        {"counted.py": "import builtins\nbuiltins.counted_ = getattr(builtins, 'counted_', 0) + 1\ndef f(): pass\n"}
    )
    monkeypatch.syspath_prepend(folder)
    import builtins

    import counted  # type: ignore[import-not-found]

    assert import_file((folder / "counted.py").resolve()) is counted
    assert builtins.counted_ == 1  # type: ignore[attr-defined]
    del builtins.counted_  # type: ignore[attr-defined]


FAILING = {
    "raise ValueError('boom')\n": "ValueError: boom",
    "import nowhere_at_all\n": "ModuleNotFoundError: No module named 'nowhere_at_all'",
    "def f(:\n": "SyntaxError: invalid syntax",
    "import sys\nsys.exit(3)\n": "SystemExit: 3",
    "from cflow import node\n@node(retyr=3)\ndef f(): pass\n": "retyr",
}


@pytest.mark.parametrize("source", FAILING)
def test_a_file_that_fails(source: str, write) -> None:
    folder = write({"shop.py": source, "main.cflow": 'from "./shop.py" import f\n'})
    for _ in range(2):  # a failed import is not remembered
        with pytest.raises(ProgramError) as error:
            load_module(folder / "main.cflow")
        (diagnostic,) = error.value.diagnostics
        assert diagnostic.id == "import-failed"
        assert FAILING[source] in diagnostic.message
        assert diagnostic.span.line == 1
        assert [os.path.basename(label.span.file) for label in diagnostic.labels] == ["shop.py"]
        assert diagnostic.labels[0].span.line == source.count("\n") or "node" in source


def test_import_options(write) -> None:
    shop = (
        "from cflow import node\ndef slug(x): return x\n@node(writes='stock', retry=2, timeout=5)\ndef reserve(): pass\n"
        "def undo(x): pass\nclass HttpError(Exception): pass\n"
    )
    text = (
        'from "./shop.py" import slug with pure=True\n'
        'from "./shop.py" import undo, HttpError\n'
        'from "./shop.py" import reserve as a with retry=5, timeout="2m"\n'
        'from "./shop.py" import reserve as b with reads=("x", "y")\n'
        'from "./shop.py" import reserve as c with writes="x", undo=undo, retry=Retry(3, on=HttpError), version="2"\n'
        'from "./shop.py" import reserve as d\n'
    )
    for execute in (True, False):
        folder = write({"shop.py": shop, "main.cflow": text})
        collector = Collector()
        module = load_module(folder / "main.cflow", execute=execute, collector=collector)
        assert collector.items == []
        assert module is not None
        bound = {name: module.scope.lookup(name) for name in ("slug", "a", "b", "c", "d", "undo")}
        specs = {name: b.spec for name, b in bound.items() if isinstance(b, NodeBinding)}
        assert len({s.key for s in specs.values()}) == 6
        assert specs["slug"].effects == PURE
        assert specs["a"].effects == specs["d"].effects == Effects(writes=frozenset({"stock"}))
        assert (specs["a"].policy["retry"].times, specs["a"].policy["timeout"]) == (5, 120.0)
        assert specs["b"].effects == Effects(reads=frozenset({"x", "y"}))
        assert specs["c"].policy["retry"].times == 3
        assert specs["c"].policy["undo"] == specs["undo"].key
        assert specs["c"].version == "2"


def test_packs_and_modules(write) -> None:
    module = load_text("import csv, files as f\nfrom math import sqrt\nfrom csv import read\nimport statistics\n")
    assert module is not None
    pack = module.scope.lookup("csv")
    assert isinstance(pack, PackBinding)
    assert isinstance(pack.members("read"), NodeBinding)
    assert pack.members("trio") is None
    assert pack.members("_atomic") is None
    assert "read" in set(pack.names())
    root = module.scope.lookup("sqrt")
    assert isinstance(root, NodeBinding)
    assert root.spec.trusted
    statistics = module.scope.lookup("statistics")
    assert isinstance(statistics, PackBinding)
    assert statistics.members("math") is None  # what it imports is not what it offers
    assert isinstance(statistics.members("mean"), NodeBinding)


def test_flows_of_other_files(write) -> None:
    folder = write(
        {
            "py.py": "from cflow import flow\n@flow\ndef g(x: int) -> int:\n    return x + 1\n",
            "b.cflow": "flow h(x: int) -> int:\n    return x\n",
            "main.cflow": 'from "./py.py" import g\nfrom "./b.cflow" import h\nflow main() -> int:\n    return g(1) + h(2)\n',
        }
    )
    for execute in (True, False):
        module = load_module(folder / "main.cflow", execute=execute)
        assert module is not None
        assert list(module.flows) == ["main"]
        for name in ("g", "h"):
            binding = module.scope.lookup(name)
            assert isinstance(binding, FlowBinding)
            assert binding.source.loaded()[0].name == name


ALLOWED = [
    (None, True, True, True),
    ([], False, False, False),
    (["csv"], True, False, False),
    (["*"], True, True, True),
    (["math", "c*"], True, True, False),
    (["*.py"], False, False, True),
    (["{folder}/*"], False, False, True),
    (["{folder}/shop.py", "math"], False, True, True),
    (["./shop.py"], False, False, False),
    (["shop.py"], False, False, False),
]


@pytest.mark.parametrize(("patterns", "pack", "module", "file"), ALLOWED)
@pytest.mark.parametrize("execute", [False, True], ids=["read", "run"])
def test_allow(patterns: list[str] | None, pack: bool, module: bool, file: bool, execute: bool, write) -> None:
    folder = write(
        {"shop.py": "def f(): pass\n", "main.cflow": "import csv\nfrom math import sqrt\nfrom './shop.py' import f\n"}
    )
    allow = None if patterns is None else [p.replace("{folder}", str(folder.resolve())) for p in patterns]
    collector = Collector()
    load_module(folder / "main.cflow", allow=allow, execute=execute, collector=collector)
    assert {d.id for d in collector.items} <= {"import-refused"}
    refused = {d.span.line for d in collector.items}
    assert refused == {line for line, fine in ((1, pack), (2, module), (3, file)) if not fine}


def test_allow_reaches_imports_of_imports_and_follows_links(write) -> None:
    folder = write(
        {
            "in/main.cflow": 'from "./b.cflow" import g\nfrom "./link.py" import f\nfrom "../out/x.py" import f as h\n',
            "in/b.cflow": "import csv\nflow g() -> Any:\n    return csv.read('x')\n",
            "out/x.py": "raise SystemExit\n",
        }
    )
    (folder / "in/link.py").symlink_to(folder / "out/x.py")
    collector = Collector()
    load_module(folder / "in/main.cflow", allow=[f"{folder.resolve()}/in/*"], collector=collector)
    assert [(os.path.basename(d.span.file), d.span.line, d.id) for d in collector.items] == [
        ("b.cflow", 1, "import-refused"),
        ("main.cflow", 2, "import-refused"),
        ("main.cflow", 3, "import-refused"),
    ]


def test_labels_are_unique_and_stable() -> None:
    first = load_text("flow f() -> int:\n    return 1\n", file="one_label.cflow")
    same = load_text("flow f() -> int:\n    return 1\n", file="one_label.cflow")
    other = load_text("flow f() -> int:\n    return 2\n", file="one_label.cflow")
    assert first is not None
    assert same is not None
    assert other is not None
    assert first.flows["f"].key == same.flows["f"].key == "one_label.f"
    assert other.flows["f"].key == "one_label_2.f"
