"""The standard node packs."""
