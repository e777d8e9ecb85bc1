"""Training networks (torch)."""
