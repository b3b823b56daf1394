"""What outlives a process: the journal of runs, their signals and timers, cached values, large values as files."""
