"""The two front ends, the one syntax tree, the one lowering."""
