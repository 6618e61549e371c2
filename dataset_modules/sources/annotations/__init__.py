"""Labels that people have: read from files of other programs, and turned into parts of recordings."""
