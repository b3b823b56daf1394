"""From the graph to the plan: order, fusion, placement, cost."""
