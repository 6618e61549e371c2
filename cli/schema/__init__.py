"""The schema of the configuration: written from the parsers, checked before anything heavy is imported."""
