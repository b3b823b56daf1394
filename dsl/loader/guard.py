"""What a program that is not trusted imports: every node in a wrapper that says, while it runs, what is permitted.

So the grants go with the name and not with the run: a trusted flow that calls an untrusted one keeps its own, and the
other way round nothing is gained.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from attrs import define, evolve, field

from ...compiler.permissions import Permissions, under
from ..scope import Binding, ClassBinding, NodeBinding, PackBinding


@define(eq=False)
class Guard:
    """Lays grants over bindings; a node gets one wrapper, however often its name is read."""

    permissions: Permissions
    _made: dict[str, NodeBinding] = field(factory=dict)

    def over(self, binding: Binding) -> Binding:
        """The binding under the grants. Pure functions of the standard library reach nothing and stay as they are."""
        if self.permissions.trusted:
            return binding
        match binding:
            case NodeBinding(spec=spec) if not spec.trusted:
                return self._node(binding)
            case PackBinding(members=members) | ClassBinding(members=members):
                return evolve(binding, members=lambda name: self._member(members(name)))
        return binding

    def _member(self, binding: Binding | None) -> Binding | None:
        return None if binding is None else self.over(binding)

    def _node(self, binding: NodeBinding) -> NodeBinding:
        # In one graph, the node of a program that is trusted is another one: the key tells them apart.
        tag = self.permissions.tag
        spec = evolve(binding.spec, key=f"{binding.spec.key}#{tag}", grants=tag)
        made = self._made.get(spec.key)
        if made is None or made.spec != spec:
            fn = None if binding.fn is None else guarded(binding.fn, self.permissions)
            made = self._made[spec.key] = NodeBinding(spec, fn, self._member(binding.undo))
        others = {version: self._node(other) for version, other in binding.others.items()}
        return evolve(made, others=others) if others else made


def guarded(fn: Callable[..., Any], given: Permissions) -> Callable[..., Any]:
    """The function, run under these grants.

    Parameters
    ----------
    fn: of any kind: ``def``, ``async def``, a generator of either kind.
    """
    wrapper: Callable[..., Any]
    if inspect.isasyncgenfunction(fn):

        async def items(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            # Between two items it is the consumer's code that runs, so each step is under the grants by itself.
            source = fn(*args, **kwargs)
            try:
                while True:
                    with under(given):
                        try:
                            item = await anext(source)
                        except StopAsyncIteration:
                            return
                    yield item
            finally:
                with under(given):
                    await source.aclose()

        wrapper = items
    elif inspect.isgeneratorfunction(fn):

        def plain_items(*args: Any, **kwargs: Any) -> Iterator[Any]:
            source = fn(*args, **kwargs)
            try:
                while True:
                    with under(given):
                        try:
                            item = next(source)
                        except StopIteration:
                            return
                    yield item
            finally:
                with under(given):
                    source.close()

        wrapper = plain_items
    elif inspect.iscoroutinefunction(fn):

        async def call(*args: Any, **kwargs: Any) -> Any:
            with under(given):
                return await fn(*args, **kwargs)

        wrapper = call
    else:

        def plain_call(*args: Any, **kwargs: Any) -> Any:
            with under(given):
                return fn(*args, **kwargs)

        wrapper = plain_call
    return functools.wraps(fn)(wrapper)
