"""A run, written down and proved."""
