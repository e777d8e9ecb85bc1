"""Orders of magnitude: the exponents e of n^e, and their arithmetic (a product adds, a sum takes the largest)."""
