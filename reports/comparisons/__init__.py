"""Reports that compare experiments, or groups of them."""
