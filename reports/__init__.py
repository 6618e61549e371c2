"""Pages and summaries that people read: what was found in data, and what came of training."""
