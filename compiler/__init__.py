"""The graph, its laws, its passes, and the diagnostics of the whole house."""
