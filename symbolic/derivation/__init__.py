"""From criteria to the exponents that meet them."""
