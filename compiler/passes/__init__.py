"""The passes over the graph."""
