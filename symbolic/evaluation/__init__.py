"""Given exponents."""
