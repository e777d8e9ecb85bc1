"""Hyperparameters: the powers of the width that init scales, learning rates and updates may have."""
