"""The meaning of every form, on small graphs: results, errors, and what is written in which order."""

# ruff: noqa: E501 - a printed graph has an operation a line

from __future__ import annotations

from typing import Any

import pytest
from graph_fakes import Err, World, outcome, steps

from cflow.compiler.diagnostics import InputError, LoopLimit, RecursionLimit, UndoFailed
from cflow.compiler.interpret import Trace, interpret
from cflow.compiler.ir import Graph
from cflow.compiler.reader import read_graph
from cflow.compiler.spec import Objects
from cflow.compiler.verify import verify

HEAD = """graph m
secret KEY: str
env REGION: str = "eu"
class shop.Err = exception Err bases(Exception)
node w = w(...) writes(a)
node aw = aw(...) writes(a) async
node u = u(...) writes(a)
node boom = boom(...) writes(b)
node flaky = flaky(...) writes(b)
node echo = echo(...) pure
node items = items(...) reads(a) stream
node sleep = sleep(...) writes(world) barrier builtin("sleep")
node wait = wait(...) writes(world) barrier builtin("wait_signal")
node other = other(...) pure builtin("mock")
"""


def graph(body: str, *flows: str, head: str = "m(n: any) -> any", params: str = " (%n)") -> Graph:
    text = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    result = read_graph(f"{HEAD}\nflow m = {head}\n  body{params}:\n{text}\n\n" + "\n".join(flows))
    verify(result)
    return result


def run(body: str, n: Any = 0, *flows: str, **options: Any) -> Any:
    return outcome(graph(body, *flows), {"n": n}, ambient={"KEY": "k"}, **options)


def flow(name: str, body: str, head: str = "(n: any) -> any", params: str = " (%n)") -> str:
    text = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    return f"flow {name} = {name}{head}\n  body{params}:\n{text}\n"


# ---- calls ---------------------------------------------------------------------------------------


def test_calls_sync_and_async_with_spread_arguments() -> None:
    body = """
a: %a = call w(*%n, 5, k=1, **dict("z", 2))
b: %b = call aw(%a)
give %b
"""
    assert run(body, [1, 2]) == (7 * 78 + 2, [("w", 1, 2, 5, ("k", 1), ("z", 2)), ("aw", 78)])


def test_an_argument_given_twice() -> None:
    result, _ = run('a: %a = call w(k=1, **dict("k", 2))', 0)
    assert result == ("TypeError", "got multiple values for keyword argument 'k'")


def test_ambient_values() -> None:
    assert run("give tuple($secret:KEY, $env:REGION)")[0] == ("k", "eu")
    with pytest.raises(InputError, match="the secret KEY is not set"):
        interpret(graph("give 1"), Objects(), {"n": 1})


def test_inputs_must_fit() -> None:
    g = graph("give 1")
    with pytest.raises(InputError) as caught:
        interpret(g, Objects(), {"m": 1}, ambient={"KEY": ""})
    assert [p.name for p in caught.value.problems] == ["m", "n"]


def test_defaults_and_variable_parameters_of_the_main_flow() -> None:
    g = graph("give list(%n, %r, %k)", head="m(n: any = 3, *r: any, **k: any) -> any", params=" (%n, %r, %k)")
    assert outcome(g, {}, ambient={"KEY": ""})[0] == [3, (), {}]


def test_a_node_that_really_waits_needs_a_loop() -> None:
    class Never:
        def __await__(self) -> Any:
            yield

    g = graph("a: %a = call w(1)\ngive %a")
    with pytest.raises(RuntimeError, match="has no loop"):
        interpret(g, Objects({"w": lambda x: Never()}), {"n": 0}, ambient={"KEY": ""})


def test_another_way_to_call() -> None:
    g = graph("a: %a = call other(%n)\ngive %a")
    seen: list[Any] = []

    def call(spec: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        seen.append((spec.name, function, args, kwargs))
        return 42

    assert interpret(g, Objects(), {"n": 1}, call=call, ambient={"KEY": ""}) == 42
    assert seen == [("other", None, [1], {})]


def test_sleep_takes_no_time_and_nobody_answers() -> None:
    assert run('s: %s = call sleep(3)\nw: %w = call wait("x") with(default=7)\ngive tuple(%s, %w)')[0] == (None, 7)
    assert run('w: %w = call wait("x")\ngive %w')[0] == ("TimeoutError", "nobody answered")


@pytest.mark.parametrize(
    ("policy", "result", "attempts"),
    [
        ("retry=2", 2, 3),
        ("retry=1", ("Err", "('flaky', 2)"), 2),
        ("retry=1, default=None", None, 2),
        ("default=9", 9, 1),
    ],
)
def test_retry_and_default(policy: str, result: Any, attempts: int) -> None:
    got, writes = run(f"a: %a = call flaky(2) with({policy})\ngive %a")
    assert got == result
    assert len(writes) == attempts


def test_retry_only_of_some_errors() -> None:
    from cflow.compiler.spec import Retry

    g = graph("a: %a = call flaky(2) with(retry=%n)\ngive %a")
    assert outcome(g, {"n": Retry(5, on=ValueError)}, ambient={"KEY": ""})[0][0] == "Err"
    assert outcome(g, {"n": Retry(5, on=(ValueError, Err))}, ambient={"KEY": ""})[0] == 2


# ---- sub-flows -----------------------------------------------------------------------------------


def test_subflows_bind_as_python_does() -> None:
    sub = flow(
        "f",
        "give list(%a, %b, %r, %k, %m)",
        "(a: any, b: any = 5, *r: any, kw k: any, **m: any) -> any",
        " (%a, %b, %r, %k, %m)",
    )
    assert run("a: %a = flow f(1, 2, 3, k=4, z=5)\ngive %a", 0, sub)[0] == [1, 2, (3,), 4, {"z": 5}]
    assert run("a: %a = flow f(1, k=4)\ngive %a", 0, sub)[0] == [1, 5, (), 4, {}]
    name, text = run("a: %a = flow f(1)\ngive %a", 0, sub)[0]
    assert name == "TypeError"
    assert text.startswith("f() missing")


def test_recursion_has_a_limit_and_no_stack() -> None:
    down = flow(
        "down",
        "b: %r = branch ((%n > 0))\n  arm [%n]:\n    s: %s = flow down((%n - 1))\n    give (%s + 1)\n  arm:\n    give 0\ngive %r",
    )
    assert run("a: %a = flow down(%n)\ngive %a", 999, down)[0] == 999
    name, text = run("a: %a = flow down(%n)\ngive %a", 1000, down)[0]
    assert name == RecursionLimit.__name__
    assert "'down'" in text


def test_flow_options_are_laid_over_those_of_its_header() -> None:
    sub = flow("f", "a: %a = call flaky(3)\ngive %a", "(n: any) -> any with(retry=1, default=8)")
    assert run("a: %a = flow f(1)\ngive %a", 0, sub) == (8, [("flaky", 3)] * 2)
    assert run("a: %a = flow f(1) with(retry=3)\ngive %a", 0, sub) == (3, [("flaky", 3)] * 4)


def test_the_options_of_the_main_flow() -> None:
    g = graph("a: %a = call flaky(2)\ngive %a", head="m(n: any) -> any with(retry=2)")
    assert outcome(g, {"n": 0}, ambient={"KEY": ""})[0] == 2


def test_detached_runs_are_recorded() -> None:
    g = graph("d: %d = detach f((%n + 1))\ngive %d", flow("f", "a: %a = call w(1)\ngive 1"))
    trace = Trace()
    assert interpret(g, World().objects(g), {"n": 1}, ambient={"KEY": ""}, trace=trace) == "detached-1"
    assert [(d.flow, d.inputs) for d in trace.detached] == [("f", {"n": 2})]


def test_the_trace_names_the_way() -> None:
    g = read_graph(
        "graph m\nflow m = m() -> any\n  body:\n    s: %s = flow f(1)\n    give %s\n\n"
        + flow("f", "a: %a = 1\ngive %a")
    )
    assert steps(g, {}) == ["s", "s/a"]


# ---- control -------------------------------------------------------------------------------------


def test_branch_takes_the_first_true_arm_and_stops_testing() -> None:
    body = "b: %r = branch ((%n == 1), (%n == 2), (1 // 0))\n  arm:\n    give 1\n  arm:\n    give 2\n  arm:\n    give 3\n  arm:\n    give 4\ngive %r"
    assert run(body, 1)[0] == 1
    assert run(body, 2)[0] == 2
    assert run(body, 3)[0][0] == "ZeroDivisionError"


FOR = """
l: %s, %ys = loop (0, source=%n, collects=True)
  body (%i, %acc):
    b: branch ((%i == 3), (%i == 5), (%i == 7))
      arm [%acc]:
        c: continue (%acc)
        never
      arm [%acc]:
        k: break ((%acc + 100))
        never
      arm:
        r: return ("left")
        never
      arm:
    e: emit (%i) into l
    e2: emit ((%i * 10)) into l
    give (%acc + %i)
give tuple(%s, %ys)
"""


def test_for_carries_collects_continues_breaks_and_returns() -> None:
    assert run(FOR, [1, 2])[0] == (3, [1, 10, 2, 20])
    assert run(FOR, [1, 3, 2])[0] == (3, [1, 10, 2, 20])
    assert run(FOR, [1, 5, 2])[0] == (101, [1, 10])
    assert run(FOR, [1, 7, 2])[0] == "left"
    assert run(FOR, 3)[0] == ("TypeError", "'int' object is not iterable")


def test_while_and_its_limit() -> None:
    body = "w: %r = loop (0, limit=3)\n  condition (%c) [%n]:\n    give (%c < %n)\n  body (%d):\n    give (%d + 1)\ngive %r"
    assert run(body, 3)[0] == 3
    name, text = run(body, 4)[0]
    assert name == LoopLimit.__name__
    assert "max=3" in text


def test_each_collects_failures() -> None:
    body = "e: %r = each (%n, collects=True, collect=True, max_failed=1)\n  body (%i):\n    a: %a = (10 // %i)\n    m: emit (%a) into e\ngive %r"
    zero = ("ZeroDivisionError", "integer division or modulo by zero")
    assert run(body, [5, 0, 2])[0] == ([2, 5], [(0, 1, zero)])
    assert run(body, [0, 0])[0] == zero


def test_each_takes_the_first_successes() -> None:
    body = "e: %r = each (%n, collects=True, take=2)\n  body (%i):\n    a: %a = call w((10 // %i)) with(undo=call u(%i) as %a)\n    m: emit (%i) into e\ngive %r"
    assert run(body, [0, 5, 0, 2, 1]) == ([5, 2], [("w", 2), ("w", 5)])
    assert run(body, [5])[0] == [5]
    assert run(body, [0, 5])[0][0] == "ZeroDivisionError"
    few = body.replace("take=2", "take=2, parallel=1")
    assert run(few, [5, 0])[1] == [("w", 2), ("u", 5)], "none is chosen: what succeeded is undone"
    rest = body.replace("take=2", 'take=1, rest="finish"')
    assert run(rest, [5, 2]) == ([5], [("w", 2), ("w", 5)])
    second = run(rest, [5, 2], choose=lambda what, path, n: {1})
    assert second == ([2], [("w", 2), ("w", 5)]), "the others are completed all the same"
    chosen = run(body, [5, 2, 1], choose=lambda what, path, n: {0, 2} if (what, path, n) == ("take", "e", 2) else None)
    assert chosen[0] == [5, 1]


def test_parallel_arms_and_race() -> None:
    assert run("p: %a, %b = parallel\n  arm:\n    give 1\n  arm [%n]:\n    give %n\ngive tuple(%a, %b)", 5)[0] == (1, 5)
    race = 'r: %r = race ()\n  arm:\n    a: %a = call w(1) with(undo=call u("back") as %a)\n    b: %b = call boom(1)\n    give %b\n  arm:\n    c: %c = call w(2)\n    give %c\ngive %r'
    assert run(race) == (15, [("w", 1), ("boom", 1), ("u", "back"), ("w", 2)])
    assert run(race, choose=lambda what, path, n: 1) == (15, [("w", 2)])
    failing = race.replace("call w(2)", "call boom(2)")
    assert run(failing)[0] == ("Err", "1")


# ---- failure -------------------------------------------------------------------------------------

TRY = """
t: %r, %f = try (x=1, y=unbound)
  body [%n]:
    a: %a = call w(1)
    mark x = %a
    b: %b = (10 // %n)
    mark x = %b
    mark y = 2
    c: %c = call echo(%b)
    give %c
  except (@class(ZeroDivisionError), @class(shop.Err)) (%e, %x, %y):
    h: %h = call w(tuple(%x, %y))
    give "handled"
  else (%v):
    d: %d = call w("else")
    give %v
  finally (%x2, %y2):
    g: %g = call w(tuple(%x2, %y2))
    give "final"
give tuple(%r, %f)
"""


def test_try_else_and_finally_see_the_names_at_the_end() -> None:
    assert run(TRY, 5) == ((2, "final"), [("w", 1), ("w", "else"), ("w", (2, 2))])


def test_a_handler_sees_the_names_as_the_failing_step_did() -> None:
    assert run(TRY, 0) == (("handled", "final"), [("w", 1), ("w", (8, None)), ("w", (8, None))])


def test_an_error_that_nobody_handles_still_passes_finally() -> None:
    assert run(TRY, "x") == (
        ("TypeError", "unsupported operand type(s) for //: 'int' and 'str'"),
        [("w", 1), ("w", (8, None))],
    )


def test_finally_runs_on_the_way_out_and_its_error_takes_the_place() -> None:
    body = "t: try ()\n  body:\n    r: return (1)\n    never\n  finally:\n    a: %a = call {}(2)\nnever"
    assert run(body.format("w")) == (1, [("w", 2)])
    assert run(body.format("boom")) == (("Err", "2"), [("boom", 2)])


def test_raise_again_and_from() -> None:
    again = "t: try ()\n  body:\n    a: %a = call boom(1)\n  except any (%e):\n    b: %b = call w(1)\n    r: raise ()\n    never"
    assert run(again) == (("Err", "1"), [("boom", 1), ("w", 1)])
    with_cause = again.replace("raise ()", 'raise (new(@class(ValueError), "v"), cause=%e)')
    g = graph(with_cause)
    with pytest.raises(ValueError, match="v") as caught:
        interpret(g, World().objects(g), {"n": 0}, ambient={"KEY": ""})
    assert isinstance(caught.value.__cause__, Err)
    g = graph("r: raise (@class(ValueError), cause=nothing)\nnever")
    with pytest.raises(ValueError) as caught:
        interpret(g, World().objects(g), {"n": 0}, ambient={"KEY": ""})
    assert caught.value.__suppress_context__
    assert run("r: raise (%n)\nnever", 5)[0] == ("TypeError", "exceptions must derive from BaseException")


def test_an_interrupt_is_not_an_exception() -> None:
    g = graph("t: try ()\n  body:\n    a: %a = call w(1)\n  except any (%e):\n  finally:\n    u: %u = call u(1)")
    undone: list[Any] = []

    def interrupt(x: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interpret(g, Objects({"w": interrupt, "u": undone.append}), {"n": 0}, ambient={"KEY": ""})
    assert undone == [1]


# ---- transactions --------------------------------------------------------------------------------

NESTED = """
t: transaction ()
  body [%n]:
    a: %a = call w("a") with(undo=call u("a", %r, %n) as %r)
    s: %s = flow f(1)
    i: transaction (60)
      body:
        b: %b = call w("b") with(undo=call u("b") as %r3)
    d: %d = call boom(1) with(default=5, undo=call u("never") as %d)
    c: %c = (1 // %n)
after: %after = call w("after")
"""
INNER = flow("f", 'a: %a = call aw("f") with(undo=flow g("g") as %a)\ngive %a')
UNDOING = flow("g", "a: %a = call u(%n)\ngive %a")


def test_undos_run_in_reverse_through_flows_and_inner_transactions() -> None:
    _, writes = run(NESTED, 0, INNER, UNDOING)
    done = [("w", "a"), ("aw", "f"), ("w", "b"), ("boom", 1)]
    assert writes == [*done, ("u", "b"), ("u", "g"), ("u", "a", 1, 0)]
    assert run(NESTED, 1, INNER, UNDOING)[1] == [*done, ("w", "after")]


def test_leaving_a_transaction_commits() -> None:
    body = "t: transaction ()\n  body:\n    a: %a = call w(1) with(undo=call u(1) as %a)\n    r: return (5)\n    never\nnever"
    assert run(body) == (5, [("w", 1)])


def test_a_failing_undo_does_not_stop_the_rest() -> None:
    g = graph(
        'first: transaction ()\n  body:\n    a: %a = call w(1) with(undo=call u("a") as %a)\n'
        '    b: %b = call w(2) with(undo=call boom("b") as %b)\n    c: %c = call boom("c")'
    )
    world = World()
    with pytest.raises(UndoFailed) as caught:
        interpret(g, world.objects(g), {"n": 0}, ambient={"KEY": ""})
    assert world.writes == [("w", 1), ("w", 2), ("boom", "c"), ("boom", "b"), ("u", "a")]
    assert [str(e) for e in caught.value.errors] == ["b"]
    assert str(caught.value.__cause__) == "c"


def test_without_a_transaction_nothing_is_owed() -> None:
    assert run("a: %a = call w(1) with(undo=call u(1) as %a)\nb: %b = call boom(1)")[1] == [("w", 1), ("boom", 1)]


# ---- streams -------------------------------------------------------------------------------------

READ = """
s: %s = call items(%n)
l: loop (source=%s, stream=True{})
  body (%i):
    w: %w = call w(%i)
    b: branch ((%i == 1))
      arm:
        k: break ()
        never
      arm:
after: %after = call w("after")
"""


def test_a_stream_moves_when_asked_and_is_closed_before_the_next_step() -> None:
    assert run(READ.format(""), 5)[1] == [("item", 0), ("w", 0), ("item", 1), ("w", 1), ("closed", 5), ("w", "after")]


@pytest.mark.parametrize(
    ("options", "lists"),
    [(", batch=2", [[0, 1], [2, 3], [4]]), (", window=60", [[0, 1, 2, 3, 4]]), (", buffer=3", [0])],
)
def test_batches_windows_and_buffers(options: str, lists: list[Any]) -> None:
    writes = run(READ.format(options), 5)[1]
    assert [w[1] for w in writes if w[0] == "w"][: len(lists)] == lists


def test_windows_as_they_were_chosen() -> None:
    sizes = iter([1, 3, 9])
    writes = run(READ.format(", window=60"), 5, choose=lambda what, path, n: next(sizes))[1]
    assert [w[1] for w in writes if w[0] == "w"][:-1] == [[0], [1, 2, 3], [4]]


def test_async_generators_and_lists_are_streams_too() -> None:
    closed: list[str] = []

    async def source(n: int) -> Any:
        try:
            for i in range(n):
                yield i
        finally:
            closed.append("closed")

    g = graph(READ.format(""))
    world = World()
    objects = world.objects(g)
    objects.nodes["items"] = source
    interpret(g, objects, {"n": 5}, ambient={"KEY": ""})
    assert closed == ["closed"]
    objects.nodes["items"] = lambda n: [7, 8]
    interpret(g, objects, {"n": 5}, ambient={"KEY": ""})
    assert world.writes == [("w", 0), ("w", 1), ("w", "after"), ("w", 7), ("w", 8), ("w", "after")]


GENERATES = flow(
    "gen",
    't: try ()\n  body [%n]:\n    l: loop (source=py.range(%n))\n      body (%i):\n        e: emit (%i) into ""\n        w: %w = call w(tuple("went on", %i))\n'
    '  except any (%e):\n  finally:\n    c: %c = call w("end")',
    "(n: any) -> stream[int] stream",
)


def test_a_stream_flow_is_read_item_by_item_and_closed() -> None:
    body = READ.format("").replace("call items", "flow gen")
    assert run(body, 9, GENERATES)[1] == [("w", 0), ("w", ("went on", 0)), ("w", 1), ("w", "end"), ("w", "after")]
    unread = "s: %s = flow gen(3)\ngive 1"
    assert run(unread, 0, GENERATES) == (1, [])


def test_a_main_flow_that_is_a_stream() -> None:
    g = read_graph(f"{HEAD}\n" + GENERATES.replace("flow gen", "flow m"))
    world = World()
    stream = interpret(g, world.objects(g), {"n": 3}, ambient={"KEY": ""})
    assert world.writes == []
    assert next(stream) == 0
    stream.close()
    stream.close()
    assert world.writes == [("w", "end")]
    assert list(stream) == []
    assert list(interpret(g, world.objects(g), {"n": 2}, ambient={"KEY": ""})) == [0, 1]


def test_an_error_in_a_stream_reaches_its_reader() -> None:
    bad = flow("gen", 'e: emit (1) into ""\na: %a = (1 // 0)', "(n: any) -> stream[int] stream")
    body = READ.format("").replace("call items", "flow gen").replace("%i == 1", "%i == 7")
    assert run(body, 1, bad) == (("ZeroDivisionError", "integer division or modulo by zero"), [("w", 1)])


def test_long_programs() -> None:
    text = "\n".join(f"s{i}: %v{i} = ({f'%v{i - 1}' if i else '%n'} + 1)" for i in range(10_000))
    assert run(f"{text}\ngive %v9999", 0)[0] == 10_000
