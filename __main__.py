"""``python -m cflow``: the same as the ``cflow`` command."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
