"""The ``cflow`` command."""
