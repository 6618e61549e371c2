"""An examination of the data before training."""
