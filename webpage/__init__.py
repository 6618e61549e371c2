"""The page of ``try``: a recording's phonemes in a browser, from a server on this machine."""
