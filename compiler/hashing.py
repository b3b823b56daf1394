"""SHA-256 of what a program is made of, without what :mod:`hashlib` brings along.

``hashlib`` loads OpenSSL, which takes 3.7 MB of every process and milliseconds of every start; Python has the same
function built in, as its own ``random`` uses it. For data that may be large, take ``hashlib``: OpenSSL is faster there.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256 as sha256
else:
    try:
        from _sha256 import sha256 as sha256  # Python 3.11
    except ImportError:
        try:
            from _sha2 import sha256 as sha256  # since 3.12
        except ImportError:  # a Python that was built without its own
            from hashlib import sha256 as sha256
