"""Evaluation of given exponents: their orders, a verdict, a repair."""
