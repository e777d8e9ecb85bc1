"""How answers are shown: one file an answer, all its formats in it."""
