"""What an evaluation needs besides the data: the search that decodes, and models that others trained."""
