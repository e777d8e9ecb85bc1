"""Criteria: what is asked of training, as relations between the orders of observables."""
