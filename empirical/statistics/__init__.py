"""Statistics: from numbers at several widths to an exponent with a confidence interval (no torch)."""
