"""Powers of the width: what init scales, learning rates and updates may be."""
