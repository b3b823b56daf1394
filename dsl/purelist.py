"""The shipped list of pure standard-library callables: what a flow may call in its place without declaring anything.

On it: functions whose result depends on their arguments alone, that are quick for ordinary arguments, never call back
into code of the user's, and give a value (not an iterator, which its first reader would use up). Looked up by module
and name, so that nothing is imported for it.
"""

from __future__ import annotations

import sys
from typing import Any

_NAMES: dict[str, str] = {
    "math": "*",
    "cmath": "*",
    "json": "dumps loads",
    "re": "sub subn split findall escape",
    "statistics": (
        "mean fmean geometric_mean harmonic_mean median median_low median_high median_grouped mode multimode quantiles "
        "pstdev pvariance stdev variance covariance correlation linear_regression"
    ),
    "textwrap": "wrap fill shorten dedent",
    "string": "capwords",
    "base64": (
        "b64encode b64decode standard_b64encode standard_b64decode urlsafe_b64encode urlsafe_b64decode "
        "b32encode b32decode b16encode b16decode a85encode a85decode b85encode b85decode"
    ),
    "binascii": "hexlify unhexlify crc32 crc_hqx b2a_hex a2b_hex b2a_base64 a2b_base64",
    "zlib": "crc32 adler32",
    "html": "escape unescape",
    "urllib.parse": (
        "quote quote_plus unquote unquote_plus urlencode urljoin urlparse urlsplit urlunparse urlunsplit urldefrag "
        "parse_qs parse_qsl"
    ),
    "operator": (
        "abs add and_ concat contains countOf eq floordiv ge getitem gt indexOf inv invert is_ is_not le lshift lt "
        "mod mul ne neg not_ or_ pos rshift sub truediv truth xor"
    ),
    "calendar": "isleap leapdays monthrange weekday timegm",
    "colorsys": "rgb_to_hls rgb_to_hsv rgb_to_yiq hls_to_rgb hsv_to_rgb yiq_to_rgb",
    "difflib": "get_close_matches",
    "fnmatch": "fnmatchcase",
    "hmac": "digest",
    "ipaddress": "ip_address ip_network ip_interface",
    "posixpath": "basename commonprefix dirname isabs join normpath relpath split splitext",
    "ntpath": "basename commonprefix dirname isabs join normpath split splitext",
    "shlex": "join quote split",
    "unicodedata": "*",
    "uuid": "uuid3 uuid5",
    "bisect": "bisect bisect_left bisect_right",
    "heapq": "nlargest nsmallest",
}
"""Module -> names, ``*`` for every public function of it."""

_HOMES = {
    "_operator": ("operator",), "_statistics": ("statistics",), "_bisect": ("bisect",), "_heapq": ("heapq",),
    "genericpath": ("posixpath", "ntpath"),
}  # fmt: skip
"""Where the functions live that call a twin written in C, or a shared module, their home."""


def is_pure(function: Any) -> bool:
    """Is this very object on the list?"""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return False
    for home in _HOMES.get(module, (module,)):
        names = _NAMES.get(home)
        if names is not None and (names == "*" or name in names.split()):
            # By identity: a function of the user's that calls itself `math.sqrt` is not it.
            return getattr(sys.modules.get(home), name, None) is function
    return False


def pure_names(module: str) -> frozenset[str] | None:
    """The names of a module that are on the list (``*``: all), for reading text without importing; None: not on it."""
    names = _NAMES.get(module)
    return None if names is None else frozenset(names.split())
