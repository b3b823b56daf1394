"""The groups of a directed graph whose members all reach one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence


def components(edges: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The strongly connected components, each after all those that it leads to.

    Linear in nodes and edges, without recursion; after R. Tarjan, "Depth-first search and linear graph algorithms",
    SIAM Journal on Computing 1 (1972).

    Parameters
    ----------
    edges: for each node where it leads to; every node is a key.

    >>> components({"a": ["b"], "b": ["c", "a"], "c": []})
    [['c'], ['b', 'a']]
    """
    found: list[list[str]] = []
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    on_stack: set[str] = set()

    def enter(node: str) -> tuple[str, Iterator[str]]:
        numbers[node] = lowest[node] = len(numbers)
        open_.append(node)
        on_stack.add(node)
        return node, iter(edges[node])

    for start in edges:
        path = [enter(start)] if start not in numbers else []
        while path:
            node, rest = path[-1]
            step = _next(rest, node, numbers, lowest, on_stack)
            if step is not None:
                path.append(enter(step))
                continue
            path.pop()
            if path:
                around = path[-1][0]
                lowest[around] = min(lowest[around], lowest[node])
            if lowest[node] == numbers[node]:
                group: list[str] = []
                while not group or group[-1] != node:
                    group.append(open_.pop())
                on_stack.difference_update(group)
                found.append(group)
    return found


def _next(
    rest: Iterable[str], node: str, numbers: dict[str, int], lowest: dict[str, int], on_stack: set[str]
) -> str | None:
    """The next node that is not yet numbered; on the way, what those that are say of ``node``."""
    for target in rest:
        if target not in numbers:
            return target
        if target in on_stack:
            lowest[node] = min(lowest[node], numbers[target])
    return None
