"""The program of a seed, of each kind."""

from __future__ import annotations

from random import Random

from gen_detach import generate_detaching
from gen_leaving import generate_leaving, generate_leaving_races, generate_leaving_streams
from gen_once import generate_once
from gen_suite import size_of
from gen_tree import Program
from gen_windows import generate_windows


def make(seed: int) -> Program:
    return generate_leaving(Random(seed), size_of(seed))


def make_streams(seed: int) -> Program:
    return generate_leaving_streams(Random(seed), size_of(seed, 60))


def make_races(seed: int, most: int = 60) -> Program:
    return generate_leaving_races(Random(seed), size_of(seed, most))


def make_windows(seed: int) -> Program:
    return generate_windows(Random(seed), size_of(seed, 40))


def make_detaching(seed: int) -> Program:
    return generate_detaching(Random(seed), size_of(seed, 40))


def make_once(seed: int) -> Program:
    return generate_once(Random(seed), size_of(seed, 40))
