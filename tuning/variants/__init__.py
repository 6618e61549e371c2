"""Studies: variants of a configuration, tuned and repeated with equal budgets, and compared."""
