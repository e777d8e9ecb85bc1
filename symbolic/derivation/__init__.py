"""Derivation: from criteria to all exponents that meet them."""
