"""Weights: one weight matrix in training, for a batch of seeds, and the updates of each optimizer."""
