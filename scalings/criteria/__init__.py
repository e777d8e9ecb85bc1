"""What is asked of training."""
