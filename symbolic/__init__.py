"""Theory: training carried out on orders of magnitude instead of numbers (sympy, z3)."""
