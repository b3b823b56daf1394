"""Measuring: statistics that bear a noisy machine, rounds until a verdict is clear, the figures of a flow, and files of
figures.

One core for ``cflow bench`` and for the project's own regression gate. It stands on the engine, prints nothing and
reads no command line. Numbers are plain floats: seconds, or ratios of seconds.
"""
