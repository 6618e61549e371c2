"""Reads what strangers may have written: bounded and checked, as data alone; and prints their names."""
