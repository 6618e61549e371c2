"""What a network may have beyond its family: extensions of its forward pass, and low-rank adapters."""
