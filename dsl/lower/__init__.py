"""Lowering: syntax of either spelling to the graph, with every check on the way."""
