"""From the plan to a result, on Trio."""
