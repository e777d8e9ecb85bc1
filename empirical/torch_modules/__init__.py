"""A user's own torch modules, with matrix-free layers."""
