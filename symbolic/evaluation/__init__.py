"""Evaluation: the orders, a verdict and a repair for exponents that are given."""
