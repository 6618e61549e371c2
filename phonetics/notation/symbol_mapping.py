"""Map the symbols of another model onto the phonemes of a vocabulary; each symbol and its way is listed.

A declared table goes first. Then come symbols that are identical after normalisation (stress, ties, tones
and length marks of other scripts left out; ARPABET and TIMIT names read as IPA), symbols that are several
phonemes of the vocabulary in a row, and the nearest phoneme by articulatory features. What is left has no
phoneme, as have numbered names such as ``unit12``: each occurrence counts as an error.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from phonetics.articulation import TIMIT_TO_IPA, difference, is_timit, numbered_names, segments_of
from phonetics.normalisation import IpaNormaliser, escaped, read_mapping
from phonetics.vocabulary import SPECIALS, WORD_DELIMITER, Vocabulary

Way = Literal["declared", "identical", "several", "nearest", "none"]
# Beyond this difference two phonemes have too little in common: r and ɹ differ by 0.22, t and ʔ by 0.41.
FURTHEST = 0.25
_WAYS: tuple[Way, ...] = ("declared", "identical", "several", "nearest", "none")
_NORMALISE = IpaNormaliser()
_TONES = "˥˦˧˨˩↑↓↗↘⁰¹²³⁴⁵⁶⁷⁸⁹0123456789"
_TABLE_NOTE = "# Replace each ?, correct the others, and evaluate again with this file as --model.symbol_map."
_MISFIT_REMEDY = "write what the symbols mean in a table, and give it as --model.symbol_map"
_UNDECLARED = "?"  # in the place of phonemes: the row says nothing yet
_STRESS_DIGIT = re.compile(r"(?<=[a-z])[0-2]$")
_LISTED = 20  # rows in a warning


class SymbolMatch(NamedTuple):
    """What a symbol of another model means in the vocabulary."""

    symbol: str
    phonemes: tuple[str, ...]  # of the vocabulary; the symbol itself where it has none
    way: Way
    difference: float | None = None  # in 0…1, for the nearest phoneme


class SymbolMap:
    """The matches of all symbols of a model.

    >>> symbols = SymbolMap(["ˈa", "tʃ", "ɛ", "7"], Vocabulary(("[PAD]", "a", "t", "ʃ", "e")))
    >>> {match.symbol: (" ".join(match.phonemes), match.way) for match in symbols.matches.values()}
    {'ˈa': ('a', 'identical'), 'tʃ': ('t ʃ', 'several'), 'ɛ': ('e', 'nearest'), '7': ('7', 'none')}
    """

    def __init__(
        self, symbols: Sequence[str], vocabulary: Vocabulary, declared: Mapping[str, str] | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self._known = {_spelled(phoneme): phoneme for phoneme in reversed(vocabulary.phonemes)}
        self._notation = _notation(symbols)
        self._numbered = numbered_names(symbols)
        _check_table(declared or {}, symbols)
        self.matches = {symbol: self._match(symbol, declared or {}) for symbol in dict.fromkeys(symbols)}

    def __call__(self, symbols: Iterable[str]) -> list[str]:
        """Map a sequence of symbols; word boundaries stay."""
        return [phoneme for symbol in symbols for phoneme in self.phonemes_of(symbol)]

    def phonemes_of(self, symbol: str) -> tuple[str, ...]:
        """Return the phonemes of one symbol; an unknown symbol stays as it is."""
        match = self.matches.get(symbol)
        return (symbol,) if match is None else match.phonemes

    def symbol_of(self, phoneme: str) -> str | None:
        """Return the symbol that means this phoneme alone, the best one of several; None where none does."""
        found = [match for match in self.matches.values() if match.phonemes == (phoneme,)]
        found = [match for match in found if match.way != "none"]
        best = min(found, key=lambda match: _rank(match, phoneme), default=None)
        return best.symbol if best else self._nearest_symbol(phoneme)

    def by_way(self) -> dict[Way, list[SymbolMatch]]:
        """List the matches by the way in which they were found."""
        return {way: [match for match in self.matches.values() if match.way == way] for way in _WAYS}

    def misfit(self) -> str:
        """Return the warning that most symbols have no phoneme; empty where the vocabularies fit."""
        count = len(self.by_way()["none"])
        if 2 * count <= len(self.matches):
            return ""
        return (
            f"{count} of {len(self.matches)} symbols of the model have no phoneme of vocab_file, each one "
            f"recognised counts as an error: {_MISFIT_REMEDY}"
        )

    def _match(self, symbol: str, declared: Mapping[str, str]) -> SymbolMatch:
        if symbol not in declared:
            return self._undeclared(symbol)
        # A table may serve all languages: a phoneme that this vocabulary lacks is matched as symbols are.
        parts = [self._undeclared(phoneme) for phoneme in declared[symbol].split()]
        phonemes = tuple(phoneme for part in parts for phoneme in part.phonemes)
        worst = max(parts, key=lambda part: _WAYS.index(part.way), default=None)
        if worst is None or worst.way == "identical":
            return SymbolMatch(symbol, phonemes, "declared")
        return SymbolMatch(symbol, phonemes, worst.way, worst.difference)

    def _undeclared(self, symbol: str) -> SymbolMatch:
        exact = self.vocabulary.id_of(symbol)
        if exact is not None:
            return SymbolMatch(symbol, (self.vocabulary.tokens[exact],), "identical")
        if symbol in self._numbered:
            return SymbolMatch(symbol, (symbol,), "none")
        ipa = self._notation.get(symbol, symbol)
        if not ipa:  # a silence
            return SymbolMatch(symbol, (), "identical")
        spelled = _spelled(ipa)
        if spelled in self._known:
            return SymbolMatch(symbol, (self._known[spelled],), "identical")
        if parts := self._parts(spelled):
            return SymbolMatch(symbol, parts, "several")
        found = _nearest(spelled, self._known)
        if found is None:
            return SymbolMatch(symbol, (symbol,), "none")
        return SymbolMatch(symbol, (self._known[found[1]],), "nearest", round(found[0], 4))

    def _parts(self, spelled: str) -> tuple[str, ...]:
        """Cut a symbol into phonemes of the vocabulary, the longest ones first; empty where it cannot be."""
        for size in range(len(spelled) - 1, 0, -1):
            first = self._known.get(spelled[:size])
            if first is None:
                continue
            rest = spelled[size:]
            others = (self._known[rest],) if rest in self._known else self._parts(rest)
            if others:
                return (first, *others)
        return ()

    def _nearest_symbol(self, phoneme: str) -> str | None:
        """Find the symbol that is nearest to a phoneme to which no symbol was mapped."""
        spelled = {
            _spelled(self._notation.get(symbol, symbol)): symbol
            for symbol, match in reversed(self.matches.items())
            if match.way != "declared" and symbol not in self._numbered
        }
        found = _nearest(_spelled(phoneme), spelled)
        return spelled[found[1]] if found else None


def _rank(match: SymbolMatch, phoneme: str) -> tuple[int, bool, float]:
    """Order matches of one phoneme: by their way, equal spellings first."""
    return _WAYS.index(match.way), match.symbol != phoneme, match.difference or 0.0


def read_symbol_table(path: Path) -> dict[str, str]:
    """Read a declared table: lines of symbol, tab, phonemes (further columns are notes), or JSON or YAML.

    A row with a question mark for phonemes declares nothing.
    """
    rows = read_mapping(path, "symbol_map").items()
    declared = {symbol: phonemes.partition("\t")[0].strip() for symbol, phonemes in rows}
    return {symbol: phonemes for symbol, phonemes in declared.items() if phonemes != _UNDECLARED}


def doubtful_rows(symbol_map: SymbolMap, declared: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning of the rows that name no symbol of the model, and one of those that name no phoneme.

    >>> table = {"E": "ɛ", "Q": "a"}
    >>> for warning in doubtful_rows(SymbolMap(["E"], Vocabulary(("[PAD]", "e")), table), table):
    ...     print(warning)
    these rows name no symbol of the model, they have no effect: Q
    these rows name phonemes that vocab_file lacks: E → ɛ (taken as e)
    """
    if unknown := [symbol for symbol in declared if symbol not in symbol_map.matches]:
        yield f"these rows name no symbol of the model, they have no effect: {_listed(unknown)}"
    matches = [symbol_map.matches[symbol] for symbol in declared if symbol in symbol_map.matches]
    effects = {"nearest": "taken as {}", "none": "an error each time"}
    if replaced := [
        f"{match.symbol} → {declared[match.symbol]} ({effects[match.way].format(' '.join(match.phonemes))})"
        for match in matches
        if match.way in effects
    ]:
        yield f"these rows name phonemes that vocab_file lacks: {_listed(replaced)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (" …" if len(names) > _LISTED else "")


def symbol_lines(symbol_map: SymbolMap, counts: Mapping[str, int]) -> str:
    r"""Write the matches as a table that ``read_symbol_table`` reads; symbols without a phoneme come first.

    >>> table = symbol_lines(SymbolMap(["ɛ", "7"], Vocabulary(("[PAD]", "e"))), {"ɛ": 3})
    >>> [line.split("\t") for line in table.splitlines()[2:]]
    [['7', '?', 'none', '', '0'], ['ɛ', 'e', 'nearest', '0.0172', '3']]
    """
    misfit = symbol_map.misfit()
    rows = [f"#! {misfit}"] if misfit else []
    rows += [_TABLE_NOTE, "# symbol\tphonemes\tway\tdifference\ttimes recognised"]
    for match in sorted(symbol_map.matches.values(), key=lambda match: -_WAYS.index(match.way)):
        difference = "" if match.difference is None else f"{match.difference:g}"
        phonemes = _UNDECLARED if match.way == "none" else " ".join(match.phonemes)
        cells = escaped(match.symbol), phonemes, match.way, difference, str(counts.get(match.symbol, 0))
        rows.append("\t".join(cells))
    return "\n".join((*rows, ""))


def _spelled(symbol: str) -> str:
    """Normalise a symbol's spelling; tones are left out, as the references have none."""
    normalised = "".join(_NORMALISE([symbol.replace(":", "ː")]))
    return normalised.rstrip(_TONES) or normalised


def _notation(symbols: Sequence[str]) -> dict[str, str]:
    """Map the names of ARPABET and TIMIT to IPA, in either case and with digits of stress."""
    named = [symbol for symbol in symbols if symbol != WORD_DELIMITER and symbol not in SPECIALS]
    names = {symbol: _STRESS_DIGIT.sub("", symbol.lower()) for symbol in named}
    known = {symbol: name for symbol, name in names.items() if name in TIMIT_TO_IPA}
    return {symbol: TIMIT_TO_IPA[name] for symbol, name in known.items()} if is_timit(names.values()) else {}


def _nearest(spelled: str, candidates: Mapping[str, str]) -> tuple[float, str] | None:
    """Find the nearest candidate by articulatory features; None where none is near."""
    segments = segments_of(spelled)
    if segments is None:
        return None
    known = {other: segments_of(other) for other in candidates}
    found = [(difference(segments, other), name) for name, other in known.items() if other is not None]
    best = min(found, key=lambda pair: pair[0], default=None)
    return best if best is not None and best[0] <= FURTHEST else None


def _check_table(declared: Mapping[str, str], symbols: Sequence[str]) -> None:
    if declared and not set(declared) & set(symbols):
        listed = ", ".join(list(declared)[:5])
        raise ValueError(
            f"symbol_map: it must name symbols of the model, none of {listed} … is one; "
            f"the model's are {', '.join(list(symbols)[:8])} …"
        )
