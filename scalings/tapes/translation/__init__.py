"""A traced network as a network of nodes, torch function by torch function."""
