"""Theory beside training: run both, and judge."""
