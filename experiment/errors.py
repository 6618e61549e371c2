"""The one error that ends a command with exit status 2: something in the configuration is wrong."""


class ConfigError(ValueError):
    """A configuration mistake; the message names the key, what was found and what is accepted."""
