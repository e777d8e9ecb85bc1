"""One training loop over any of these arithmetics."""
