"""Public corpora: fetched, verified and written as folders that the data sets read."""
