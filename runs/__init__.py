"""Runs that outlive their process: recording them, going on with them, looking at them. Stands on engine and store."""
