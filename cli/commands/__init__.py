"""Commands that have their own arguments."""
