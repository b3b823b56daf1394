"""Nodes in Node.js and Rust, called like any other."""

from __future__ import annotations

from collections.abc import Iterator

from cflow import flow, node


@node(pure=True, runs="command", command=["node", "words.js"], timeout=60)
def words(texts: list[str]) -> dict[str, int]:
    """How often each word stands in the texts."""


@node(pure=True, runs="command", command=["./primes"])
def primes(start: int) -> Iterator[int]:
    """The primes from a number on, without end."""


@flow
def first_primes(start: int, count: int) -> list[int]:
    found: list[int] = []
    for prime in primes(start):
        found.append(prime)
        if len(found) == count:
            break
    return found
