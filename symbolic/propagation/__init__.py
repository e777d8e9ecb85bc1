"""Propagation: the training loop (forward, backward, update) with a rule for each kind of operation."""
