"""Networks: lists of operations, with sizes that are powers of the width and of other scale variables."""
