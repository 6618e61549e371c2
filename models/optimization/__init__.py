"""Optimizers, schedules and parameter groups by name."""
