"""Data: inputs and targets to train on, from digits, MNIST and text."""
