"""Commands that fetch data, look at them, and write configurations for them; options about texts."""
