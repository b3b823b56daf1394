"""What a plan depends on is in its entry: whatever changes, the outcome is that of a process without a cache."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cflow.plancache import marks, stamp

FLOW = 'from "./n.py" import f\n\nflow main() -> str:\n    return f("x")\n'
NODE = "from cflow import node\n\n@node(pure=True)\ndef f(x: str) -> str:\n    return {0!r} + x\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "n.py").write_text(NODE.format("a"))
    (tmp_path / "p.cflow").write_text(FLOW)
    return tmp_path


def outcome(cflow: Any, *words: str, **environment: str) -> tuple[int, str, str]:
    """The outcome with the cache; it is also the one without."""
    seen: tuple[int, str, str] = cflow(*words, **environment).seen
    assert seen == cflow(*words, CFLOW_NO_CACHE="1", **environment).seen
    return seen


def test_a_link_that_leads_elsewhere(program: Path, cflow: Any) -> None:
    for name in ("one", "two"):
        (program / name).mkdir()
        (program / name / "p.cflow").write_text(FLOW)
        (program / name / "n.py").write_text(NODE.format(name))
    link = program / "link.cflow"
    link.symlink_to("one/p.cflow")
    assert outcome(cflow, "run", "link.cflow")[1] == "onex\n"
    link.unlink()
    link.symlink_to("two/p.cflow")
    assert outcome(cflow, "run", "link.cflow")[1] == "twox\n"


def test_an_imported_link_that_leads_elsewhere(program: Path, cflow: Any) -> None:
    (program / "n.py").rename(program / "a.py")
    (program / "b.py").write_text(NODE.format("b"))
    (program / "n.py").symlink_to("a.py")
    assert outcome(cflow, "run", "p.cflow")[1] == "ax\n"
    (program / "n.py").unlink()
    (program / "n.py").symlink_to("b.py")
    assert outcome(cflow, "run", "p.cflow")[1] == "bx\n"
    assert outcome(cflow, "check", "p.cflow")[0] == 0


def test_the_same_words_in_another_folder_and_another_home(program: Path, cflow: Any) -> None:
    for name in ("one", "two"):
        (program / name).mkdir()
        (program / name / "p.cflow").write_text(f'flow main() -> str:\n    return "{name}"\n')
        assert outcome(cflow, "run", "~/p.cflow", HOME=str(program / name))[1] == f"{name}\n"
    assert outcome(cflow, "run", "p.cflow")[1] == "ax\n"
    shutil.rmtree(program / "one")
    (program / "two").rename(program / "one")
    assert outcome(cflow, "run", str(program / "one" / "p.cflow"))[1] == "two\n"


def test_a_file_that_is_called_like_the_whole_target(program: Path, cflow: Any) -> None:
    assert outcome(cflow, "run", "p.cflow:main")[1] == "ax\n"
    (program / "p.cflow:main").write_text('flow main() -> str:\n    return "whole"\n')
    assert outcome(cflow, "run", "p.cflow:main")[0] == 0
    assert "whole" in outcome(cflow, "run", "p.cflow:main")[1]


def test_a_file_that_becomes_a_pipe_or_goes(program: Path, cflow: Any) -> None:
    assert outcome(cflow, "run", "p.cflow")[1] == "ax\n"
    (program / "p.cflow").unlink()
    os.mkfifo(program / "p.cflow")
    assert outcome(cflow, "run", "p.cflow")[0] == 2
    (program / "p.cflow").unlink()
    assert outcome(cflow, "run", "p.cflow")[0] == 2
    assert outcome(cflow, "check", "p.cflow")[0] == 2


def test_a_module_that_comes_to_hide_another(program: Path, cflow: Any) -> None:
    (program / "first").mkdir()
    (program / "p.cflow").write_text("import colorsys\n\nflow main():\n    return colorsys.rgb_to_yiq(0.0, 0.0, 0.0)\n")
    path = str(program / "first")
    assert outcome(cflow, "run", "p.cflow", "--json", PYTHONPATH=path)[1] == "[0.0, 0.0, 0.0]\n"
    assert outcome(cflow, "check", "p.cflow", PYTHONPATH=path)[0] == 0
    (program / "first" / "colorsys.py").write_text("def rgb_to_yiq(r, g):\n    return 'mine'\n")
    assert outcome(cflow, "run", "p.cflow", "--json", PYTHONPATH=path)[0] == 2
    outcome(cflow, "check", "p.cflow", PYTHONPATH=path)


def test_a_flow_of_a_python_file_hangs_on_all_its_globals(program: Path, cflow: Any) -> None:
    (program / "f.py").write_text(
        "import os\nfrom cflow import flow\n\nK = int(os.environ.get('V', '1'))\n\n"
        "@flow\ndef main() -> int:\n    return K\n"
    )
    (program / "g.cflow").write_text('from "./f.py" import main\n\nflow other() -> int:\n    return main()\n')
    for words in (("run", "f.py"), ("run", "g.cflow:other")):
        assert outcome(cflow, *words, V="1")[1] == "1\n"
        assert outcome(cflow, *words, V="2")[1] == "2\n"


DYNAMIC = {
    "parameters": "exec('def f(x%s): return str(x)' % os.environ.get('V', ''))\nf = node(pure=True)(f)",
    "asynchronous": "exec(os.environ.get('V', '') + ' def f(x): return str(x)')\nf = node(pure=True)(f)",
    "declaration": "@node(version=os.environ.get('V', ''), pure=True)\ndef f(x): return str(x)",
    "annotation": "T = str if os.environ.get('V', '') else int\n@node(pure=True)\ndef f(x: 'T') -> str: return str(x)",
    "default": "@node(pure=True)\ndef f(x, y=os.environ.get('V', '')): return str(x) + y",
}


@pytest.mark.parametrize(
    ("what", "value"),
    [("parameters", ", *, y"), ("asynchronous", "async"), ("declaration", "2"), ("annotation", "i"), ("default", "d")],
)
def test_what_a_file_defines_under_another_environment(what: str, value: str, program: Path, cflow: Any) -> None:
    (program / "n.py").write_text("import os\nfrom cflow import node\n" + DYNAMIC[what] + "\n")
    first = outcome(cflow, "run", "p.cflow", "--json", V="")
    outcome(cflow, "run", "p.cflow", "--json", V=value)
    assert outcome(cflow, "run", "p.cflow", "--json", V="") == first


def test_the_state_of_the_package_is_in_every_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "cflow"
    (package / "compiler").mkdir(parents=True)
    (package / "compiler" / "ir.py").write_text("a = 1\n")
    (package / "grammar.lark").write_text("start: A\n")
    monkeypatch.setattr(stamp, "ROOT", str(package))
    seen = [stamp.key("plan", "p")]
    for file, text in (("compiler/ir.py", "a = 2\n"), ("grammar.lark", "start: B\n"), ("new.py", "")):
        (package / file).write_text(text)
        seen.append(stamp.key("plan", "p"))
    assert len(set(seen)) == 4


def test_installed_files_are_known_by_more_than_their_time(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("a = 1\n")
    before, times = stamp.stat_of(str(file)), file.stat()
    file.write_text("a = 2\n")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert stamp.stat_of(str(file)) != before


# ---- marks: two objects that a load would tell apart have different ones -----------------------------

HEAD = "import dataclasses, enum, functools, math, typing\nimport attrs\nfrom cflow import Retry, env, node\n"

PAIRS = {
    "code": ("def f(a): return 1", "def f(a): return 2"),
    "kind": ("def f(a): return 1", "async def f(a): return 1"),
    "generator": ("def f(a): return 1", "def f(a): yield 1"),
    "names": ("def f(a): return 1", "def f(b): return 1"),
    "keyword": ("def f(a, b=1): return 1", "def f(a, *, b=1): return 1"),
    "default": ("K = 1\ndef f(a=K): return 1", "K = 2\ndef f(a=K): return 1"),
    "annotation": ("T = int\ndef f(a: 'list[T]'): return 1", "T = str\ndef f(a: 'list[T]'): return 1"),
    "closure": ("def m(k): return lambda a: k\nf = m(1)", "def m(k): return lambda a: k\nf = m(2)"),
    "wrapped": (
        "def m(g):\n @functools.wraps(g)\n def w(*a): return g(*a)\n return w\n@m\ndef f(a): return 1",
        "def m(g):\n @functools.wraps(g)\n def w(*a): return g(*a)\n return w\n@m\ndef f(a, b): return 1",
    ),
    "borrowed": ("f = functools.wraps(math.sin)(lambda a: 1)", "f = functools.wraps(math.sin)(lambda a, b: 1)"),
    "declared": ("f = node(reads='a')(abs)", "f = node(reads='b')(abs)"),
    "retry": ("@node(retry=Retry(2))\ndef f(a): pass", "@node(retry=Retry(3))\ndef f(a): pass"),
    "undo": (
        "def u(x): pass\n@node(undo=u)\ndef f(a): pass",
        "def u(x, y=1): pass\n@node(undo=u)\ndef f(a): pass",
    ),
    "dataclass": (
        "K = 1\n@dataclasses.dataclass\nclass f:\n a: int = K",
        "K = 2\n@dataclasses.dataclass\nclass f:\n a: int = K",
    ),
    "attrs": ("K = 1\n@attrs.frozen\nclass f:\n a: int = K", "K = 2\n@attrs.frozen\nclass f:\n a: int = K"),
    "named tuple": ("f = typing.NamedTuple('f', [('a', int)])", "f = typing.NamedTuple('f', [('a', str)])"),
    "members": ("f = enum.Enum('f', 'A B')", "f = enum.Enum('f', 'A C')"),
    "values": ("f = enum.Enum('f', {'A': 1})", "f = enum.Enum('f', {'A': 2})"),
    "member": ("f = enum.Enum('E', {'A': 1, 'B': 2}).A", "f = enum.Enum('E', {'A': 1, 'B': 2}).B"),
    "bases": ("class f(ValueError): pass", "class f(KeyError): pass"),
    "static method": (
        "class f:\n @staticmethod\n @node(reads='a')\n def m(): pass",
        "class f:\n @staticmethod\n @node(reads='b')\n def m(): pass",
    ),
    "number": ("f = 1", "f = 1.0"),
    "truth": ("f = 1", "f = True"),
    "list": ("f = [1, [2]]", "f = [1, (2,)]"),
    "order": ("f = {'a': 1, 'b': 2}", "f = {'b': 2, 'a': 1}"),
    "alias": ("f = list[int] | None", "f = list[str] | None"),
    "literal": ("f = typing.Literal['a']", "f = typing.Literal['b']"),
    "new type": ("f = typing.NewType('f', int)", "f = typing.NewType('f', str)"),
    "environment": ("f = env('A', 1)", "f = env('A', 2)"),
    "partial": ("f = functools.partial(round, 1)", "f = functools.partial(round, 2)"),
}


def defined(text: str) -> Any:
    names: dict[str, Any] = {"__name__": "defined_here"}
    exec(compile(HEAD + text, "defined.py", "exec", dont_inherit=True), names)
    return names["f"]


@pytest.mark.parametrize("what", PAIRS)
def test_a_mark_tells_what_a_load_would(what: str) -> None:
    one, other = PAIRS[what]
    assert marks.mark(defined(one)) == marks.mark(defined(one))
    assert marks.mark(defined(one)) != marks.mark(defined(other))


class Own:
    def __repr__(self) -> str:
        return "always the same"

    def __call__(self, x: int) -> int:
        return x


@pytest.mark.parametrize("value", [Own(), [Own()], [].append, object(), {1: object()}, sys.stdin, lambda x=Own(): x])
def test_what_cannot_be_told_has_none(value: object) -> None:
    with pytest.raises(marks.Unmarked):
        marks.mark(value)


def test_a_mark_is_the_same_in_another_process(tmp_path: Path, cflow: Callable[..., Any]) -> None:
    (tmp_path / "k.py").write_text(
        "import dataclasses\n\nNAMES = frozenset({'a', 'b', 'c', 'd'})\n\n@dataclasses.dataclass\nclass R:\n"
        "    a: 'set[str]' = dataclasses.field(default_factory=set)\n\ndef f(x: str) -> bool:\n"
        "    return x in {'a', 'b', 'c', 'd', 'e'}\n"
    )
    (tmp_path / "p.cflow").write_text(
        'from "./k.py" import NAMES, R, f\n\nflow main():\n    R()\n    return f("a") and "a" in NAMES\n'
    )
    assert cflow("run", "p.cflow", PYTHONHASHSEED="1").fresh
    assert not cflow("run", "p.cflow", PYTHONHASHSEED="2").fresh
