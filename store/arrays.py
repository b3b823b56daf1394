"""Numpy arrays and scalars: their memory, and how it is to be read. Imported where numpy is there."""

from __future__ import annotations

import math
from typing import Any

from . import forms
from .forms import Raw
from .unstorable import NotStorable


def array_parts(value: Any) -> tuple[int, list[Any]]:
    """The extension type and the parts of an array or scalar.

    Raises
    ------
    NotStorable: it holds Python objects, or is of a subclass of array.
    """
    import numpy as np

    kind = f"{type(value).__module__}:{type(value).__qualname__}"
    if value.dtype.hasobject:
        raise NotStorable(kind, "is an array of Python objects", "return a list of them, or give the array a dtype")
    if isinstance(value, np.generic):
        flat = np.array(value).reshape(1)
        return forms.NUMPY_SCALAR, [np.lib.format.dtype_to_descr(flat.dtype), _memory(flat)]
    if type(value) is not np.ndarray:
        raise NotStorable(kind, f"is a {type(value).__name__}", "return numpy.asarray(...) of it")
    by_column = value.flags.f_contiguous and not value.flags.c_contiguous
    laid = value.T if by_column else value
    if not laid.flags.c_contiguous:
        laid = np.ascontiguousarray(laid)
    dtype: Any = np.lib.format.dtype_to_descr(value.dtype)
    return forms.NUMPY, [dtype, list(value.shape), by_column, bool(value.flags.writeable), _memory(laid)]


def _memory(array: Any) -> Raw:
    import numpy as np

    if not array.nbytes:
        return Raw(memoryview(b""))
    return Raw(memoryview(array.reshape(-1).view(np.uint8)))


def array_of(dtype: Any, shape: list[int], by_column: bool, writable: bool, data: bytes | bytearray) -> Any:
    """An array from its parts.

    Raises
    ------
    ValueError, TypeError: they do not fit together.
    """
    import numpy as np

    made = _dtype(dtype)
    _checked(made, math.prod(shape), data)
    if any(type(n) is not int or n < 0 for n in shape):
        raise ValueError("a shape has whole numbers")
    memory: Any = data if isinstance(data, bytearray) or not writable else bytearray(data)
    array = np.ndarray(tuple(shape), made, memory, order="F" if by_column else "C")
    array.flags.writeable = writable
    return array


def scalar_of(dtype: Any, data: bytes | bytearray) -> Any:
    """A scalar from its parts (:func:`array_of`)."""
    import numpy as np

    made = _dtype(dtype)
    _checked(made, 1, data)
    return np.ndarray((1,), made, bytes(data))[0]


def _dtype(described: Any) -> Any:
    import numpy as np

    made: Any = np.lib.format.descr_to_dtype(described)
    if made.hasobject:
        raise ValueError("an array of Python objects is not stored")
    return made


def _checked(dtype: Any, count: int, data: bytes | bytearray) -> None:
    if dtype.itemsize * count != len(data):
        raise ValueError("the memory of an array is not as large as its shape")
