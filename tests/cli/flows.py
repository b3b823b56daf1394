"""Graphs made by hand, to draw without any front end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cflow.compiler import ir
from cflow.compiler.spec import PURE, UNDECLARED, Effects, NodeSpec
from cflow.compiler.walk import recompute_takes

NODES = {
    name: NodeSpec(name, name, effects=effects)
    for name, effects in {
        "fetch": Effects(reads=frozenset({"orders"})),
        "score": PURE,
        "reserve": Effects(writes=frozenset({"stock"})),
        "ship": Effects(writes=frozenset({"stock"})),
        "post": UNDECLARED,
        "log.info": Effects(writes=frozenset({"log"})),
    }.items()
}


ITEM = ir.Ref("o")


def call(node: str, result: str, *args: str, policy: ir.Policy = ir.NO_POLICY) -> ir.Call:
    return ir.Call(result, node, tuple(ir.Ref(a) for a in args), (), result, policy)


def region(ops: Iterable[ir.Op], params: Sequence[str] = (), results: Sequence[str] | None = ()) -> ir.Region:
    refs = None if results is None else tuple(ir.Ref(r) for r in results)
    return recompute_takes(ir.Region(params=tuple(params), ops=tuple(ops), results=refs))


def graph(ops: Iterable[ir.Op], params: Sequence[str] = (), **flows: ir.FlowGraph) -> ir.Graph:
    main = ir.FlowGraph("main", "main", tuple(map(ir.FlowParam, params)), region(ops, params))
    return ir.Graph("main", {"main": main, **flows}, NODES)


def less(a: str, b: object) -> ir.Expr:
    return ir.Apply("compare", (ir.Const(("<",)), ir.Ref(a), ir.Const(b)))


def everything() -> ir.Graph:
    """One of each form."""
    settle = ir.FlowGraph(
        "settle",
        "settle",
        (ir.FlowParam("o"),),
        region(
            [
                ir.Scope(
                    "tx", "transaction", ir.Const(120.0),
                    region([
                        call("reserve", "hold", "o", policy=ir.Policy(undo=ir.Undo("ship", "hold"))),
                        call("ship", "sent", "hold", policy=ir.Policy(retry=ir.Const(3), timeout=ir.Const(0.5))),
                        ir.Exit("out", "return", (ir.Ref("sent"),)),
                    ], results=None),
                )
            ],
            ["o"],
            None,
        ),
    )  # fmt: skip
    log = ir.Call("told", "log.info", (ir.Const('<none> & "more"'),), (), "told")
    return graph(
        [
            call("fetch", "raw", "day"),
            ir.Eval("e", ir.Apply("item", (ir.Ref("raw"), ir.Apply("slice", (ir.Const(None), ir.Const(9))))), "top"),
            call("score", "ranked", "top"),
            ir.Branch(
                "if", (ir.Apply("not", (ir.Ref("top"),)), less("ranked", 3)),
                (
                    region([log, ir.Exit("early", "return", (ir.Const(None),))], results=None),
                    region([ir.Eval("e2", ir.Apply("+", (ir.Ref("ranked"), ir.Const(1))), "r2")], results=["r2"]),
                    region([], results=["ranked"]),
                ),
                ("final",),
            ),
            ir.ForEach(
                "each", ir.Ref("top"),
                region([ir.Subflow("s", "settle", (ITEM,), (), "got"), ir.Emit("y", ir.Ref("got"), "each")], "o"),
                parallel=ir.Const(8), results=("done",), collects=True, collect=True, take=ir.Const(2),
            ),
            ir.Loop("for", region([call("post", "p", "x")], ["x"]), source=ir.Ref("done"), batch=ir.Const(10)),
            ir.Loop(
                "wh", region([call("post", "q")]),
                condition=region([ir.Eval("t", less("final", 9), "go")], results=["go"]), limit=ir.Const(5),
            ),
            ir.Race("race", tuple(region([call("fetch", n, "day")], results=[n]) for n in "ab"), "won", ir.Const(3.0)),
            ir.Parallel("par", (region([call("post", "p1", "won")]), region([call("reserve", "w", "won")]))),
            ir.Try(
                "try", region([call("post", "p2")]),
                (ir.Handler((ir.Global("class", "OSError"),), region([ir.Raise("again", None)], ["e"], None)),),
                final=region([ir.Call("bye", "log.info", (), (), "bye")]),
            ),
            ir.Subflow("bg", "settle", (ir.Ref("won"),), (), "id", detached=True),
            ir.Emit("item", ir.Ref("won")),
            ir.Exit("end", "return", (ir.Apply("dict", (ir.Const("done"), ir.Ref("final"))),)),
        ],
        ["day"],
        settle=settle,
    )  # fmt: skip
