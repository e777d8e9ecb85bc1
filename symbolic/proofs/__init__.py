"""Proofs: a training run written down as a program on orders, and the proof that it meets the criteria."""
