"""The configuration: sections, parsing and checks before anything is built."""
