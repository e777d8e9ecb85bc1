"""What is trained: a list of operations."""
