"""The Python front end: the source of a ``@flow`` function to syntax."""
