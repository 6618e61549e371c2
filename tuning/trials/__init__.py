"""Running trials."""
