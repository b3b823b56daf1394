"""Every node of every pack says what it does: effects, annotations, a docstring with an example."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import cflow.stdlib_nodes as packs
from cflow.dsl.nodes import NodeDef


def nodes() -> list[tuple[str, NodeDef[Any, Any, Any]]]:
    found = []
    for pack in packs.PACKS:
        module = import_module(f"cflow.stdlib_nodes.{pack}")
        found += [(f"{pack}.{name}", value) for name, value in vars(module).items() if isinstance(value, NodeDef)]
    return [(name, value) for name, value in found if not name.partition(".")[2].startswith("_")]


ALL = pytest.mark.parametrize(("name", "node"), [pytest.param(*pair, id=pair[0]) for pair in nodes()])


def test_the_list_of_packs_is_the_folder() -> None:
    folder = Path(packs.__file__).parent
    assert sorted(packs.PACKS) == sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))


def test_there_are_nodes() -> None:
    assert len(nodes()) > 70


@ALL
def test_effects_are_declared(name: str, node: NodeDef[Any, Any, Any]) -> None:
    assert node.spec.effects.declared
    declared = {word for word in ("pure", "reads", "writes", "barrier") if node.declared.get(word)}
    assert declared, name


@ALL
def test_everything_is_annotated(name: str, node: NodeDef[Any, Any, Any]) -> None:
    hints = get_type_hints(node.fn)
    assert set(hints) == {*inspect.signature(node.fn).parameters, "return"}, name


@ALL
def test_the_docstring_shows_a_call(name: str, node: NodeDef[Any, Any, Any]) -> None:
    pack, _, word = name.partition(".")
    assert node.fn.__doc__ is not None
    shown = f"{pack}.{word}("
    assert shown in node.fn.__doc__ or f"|> {pack}.{word}" in node.fn.__doc__, f"{name}: no example"


@pytest.mark.parametrize(
    ("name", "reads", "writes"),
    [
        ("files.read", {"files"}, set()),
        ("files.lines", {"files"}, set()),
        ("files.write", set(), {"files"}),
        ("json.read", {"files"}, set()),
        ("csv.append", set(), {"files"}),
        ("http.get", {"http"}, set()),
        ("http.post", set(), {"http"}),
        ("http.download", {"http"}, {"files"}),
        ("http.upload", {"files"}, {"http"}),
        ("graphql.mutate", set(), {"http"}),
        ("log.info", set(), {"log"}),
        ("sql.rows", {"sql"}, set()),
        ("sql.insert", set(), {"sql"}),
        ("data.sort", set(), set()),
    ],
)
def test_effects(name: str, reads: set[str], writes: set[str]) -> None:
    effects = dict(nodes())[name].spec.effects
    assert (set(effects.reads), set(effects.writes), effects.barrier) == (reads, writes, False)


def test_the_clock_and_agents_are_barriers() -> None:
    by_name = dict(nodes())
    assert {name for name, node in by_name.items() if node.spec.effects.barrier} == {
        "llm.agent",
        "time.now",
        "time.today",
    }
    assert by_name["time.parse"].spec.effects.pure


def test_streams_are_known_as_streams() -> None:
    assert {name for name, node in nodes() if node.spec.is_stream} == {
        *("files.lines", "files.watch", "csv.records", "json.items", "jsonl.records", "http.pages", "graphql.items"),
        *("compress.lines", "shell.lines", "sql.rows", "xlsx.records", "xml.items", "llm.stream", "pdf.pages"),
        *("mail.fetch", "mail.incoming", "s3.folders", "s3.objects", "ssh.lines", "table.rows", "time.cron_runs"),
    }
