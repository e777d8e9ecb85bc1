"""Training on orders of magnitude (sympy, z3)."""
