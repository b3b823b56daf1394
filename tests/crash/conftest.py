"""The helpers of this folder, and those of the store's tests, are modules of their own; tests import them by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parent.parent / "store"))
