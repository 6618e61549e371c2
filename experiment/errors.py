"""The errors that a command ends with in one message, and how other errors are put into one."""


class ConfigError(ValueError):
    """A configuration mistake; the message names the key, what was found and what is accepted."""


class FolderError(OSError):
    """The folder of a run cannot be made; the message names it."""


class IncompleteError(RuntimeError):
    """A run has come to its end, but a part of its results could not be written."""


def in_one_line(error: Exception) -> str:
    """Describe an error; one of the system by the path and the reason.

    >>> in_one_line(OSError(28, "No space left on device", "report.html"))
    'report.html: No space left on device'
    >>> in_one_line(KeyError("edits"))
    "KeyError: 'edits'"
    """
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
