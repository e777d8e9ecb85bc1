"""What a torch module does in one forward pass, written down, and its sizes as powers of the width."""
