"""Modules of torch, as they are, trained under a parameterization."""
