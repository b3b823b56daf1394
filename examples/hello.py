"""The smallest flow: `cflow run examples/hello.py name=Ada`."""

from cflow import flow


@flow
def hello(name: str = "world") -> str:
    """Greet someone."""
    return f"Hello, {name}!"
