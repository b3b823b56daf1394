"""The helpers of this folder, of the store's tests and of the generated programs are modules; tests import them by
name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path += [str(Path(__file__).parent.parent / folder) for folder in ("store", "generate")]
