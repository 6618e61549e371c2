"""Numbers with their nouns, in messages and reports."""


def number_of(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun; ``nouns`` is the plural where it does not end in s.

    >>> number_of(1, "clip"), number_of(2000, "clip"), number_of(0, "kind of error", "kinds of errors")
    ('1 clip', '2,000 clips', '0 kinds of errors')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
