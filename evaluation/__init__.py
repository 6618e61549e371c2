"""Error rates, intervals, error analysis and comparisons: numbers, no pages."""
