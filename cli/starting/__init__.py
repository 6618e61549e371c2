"""``start``: look at a folder of recordings, and write a configuration that fits it."""
