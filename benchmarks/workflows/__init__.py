"""Real workflow shapes: read, generated, replayed on k workers, and held against a list scheduler."""
