"""Models of the user's own with their optimizers: how both are set, and what their training does."""
