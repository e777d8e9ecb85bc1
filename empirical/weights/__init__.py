"""One weight matrix in training, for a batch of seeds."""
