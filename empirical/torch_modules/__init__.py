"""Torch modules: matrix-free Gaussian layers for a user's own nn.Module, and optimizers that train them."""
