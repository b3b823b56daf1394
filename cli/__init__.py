"""The ``cflow`` command: stands on the public names, owns what is printed where and the exit codes.

One module a verb (:mod:`.run`, :mod:`.check`, ...), each imported only when it is asked for.
"""
