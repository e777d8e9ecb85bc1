"""One network at one size, all seeds at once."""
