"""Tensors: random numbers, activations, norms, bases and memory; knows no network."""
