"""HTML reports of experiments, and the pieces that reports of data and searches share."""
