"""The search space: parameters, conditions, constraints."""
