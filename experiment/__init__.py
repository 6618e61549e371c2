"""The folder of an experiment: its layout, and who writes and reads it."""
