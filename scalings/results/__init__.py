"""Results: the answers of derivations, checks, measurements and experiments, as plain data."""
