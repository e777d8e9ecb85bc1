"""Derivations and checks as certificates."""
