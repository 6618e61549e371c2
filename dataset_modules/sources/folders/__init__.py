"""Folders of recordings: their files, and the rows of their manifest."""
