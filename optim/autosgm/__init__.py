"""AutoSGM."""
