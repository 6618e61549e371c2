"""TextGrids of praatio and of Praat, long and short, in both encodings; damaged ones are one line."""

import re
from pathlib import Path

import pytest
from praatio import textgrid as praatio

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.contract import TimedLabel
from dataset_modules.sources.annotations.formats.textgrid import read_textgrid

# As Praat writes it, with a trailing space after values.
PRAAT = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0 
xmax = 2.5 
tiers? <exists> 
size = 2 
item []: 
    item [1]:
        class = "IntervalTier" 
        name = "Mary ""M""" 
        xmin = 0 
        xmax = 2.5 
        intervals: size = 2 
        intervals [1]:
            xmin = 0 
            xmax = 1e-3 
            text = "" 
        intervals [2]:
            xmin = 1e-3 
            xmax = 2.5 
            text = "item [2]: said ""hi""
and 7 more" 
    item [2]:
        class = "TextTier" 
        name = "bell" 
        xmin = 0 
        xmax = 2.5 
        points: size = 1 
        points [1]:
            number = 1.25 
            mark = "ding" 
'''
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
2.5
<exists>
1
"IntervalTier"
"phones"
0
2.5
2
0
1
"d"
1
2.5
"a"
"""


def written(tmp_path: Path, content: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "a.TextGrid"
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_long_textgrid_of_praat_is_read(tmp_path, encoding, line_end):
    file = read_textgrid(written(tmp_path, PRAAT.replace("\n", line_end), encoding))
    mary, bell = file.tiers
    assert file.seconds == 2.5
    assert mary.name == 'Mary "M"'
    assert mary.labels[0] == TimedLabel(0, 0.001, "")
    assert mary.labels[1].text.split() == ["item", "[2]:", "said", '"hi"', "and", "7", "more"]
    assert bell.labels == (TimedLabel(1.25, 1.25, "ding"),)


def test_a_short_textgrid_is_read(tmp_path):
    (tier,) = read_textgrid(written(tmp_path, SHORT)).tiers
    assert tier.labels == (TimedLabel(0, 1, "d"), TimedLabel(1, 2.5, "a"))


@pytest.mark.parametrize("form", ["long_textgrid", "short_textgrid"])
def test_what_praatio_writes_is_read_as_praatio_reads_it(tmp_path, form):
    grid = praatio.Textgrid(0, 9.75)
    intervals = [(0.5, 1.25, "tʃ"), (1.25, 2.000001, 'a"b'), (3.0, 9.75, "ɐ̃")]
    grid.addTier(praatio.IntervalTier("anna - phones", intervals, 0, 9.75))
    grid.addTier(praatio.PointTier("tones", [(0.75, "H*"), (3.5, "L%")], 0, 9.75))
    path = tmp_path / "a.TextGrid"
    grid.save(str(path), format=form, includeBlankSpaces=True)
    theirs = praatio.openTextgrid(str(path), includeEmptyIntervals=True)
    ours = read_textgrid(path)
    assert [tier.name for tier in ours.tiers] == list(theirs.tierNames)
    for tier in ours.tiers:
        entries = [tuple(entry) for entry in theirs.getTier(tier.name).entries]
        is_interval = len(entries[0]) == 3
        found = [label[:3] if is_interval else (label.start, label.text) for label in tier.labels]
        assert found == entries


def test_the_other_forms_of_a_header_do_not_matter(tmp_path):
    without_blank_line = SHORT.replace('"TextGrid"\n\n', '"TextGrid"\n')
    assert read_textgrid(written(tmp_path, without_blank_line)) == read_textgrid(written(tmp_path, SHORT))
    absent = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 1\ntiers? <absent>\n'
    assert read_textgrid(written(tmp_path, absent)).tiers == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is cut"),
        (SHORT[: SHORT.index('1\n2.5\n"a"')], "is cut"),
        (SHORT.replace('"d"', "5"), "must have a text there, got '5'"),
        (SHORT.replace("2.5\n2\n", "2.5\n2000000000\n"), "is cut"),
        (SHORT.replace("2.5\n2\n", "2.5\n-2\n"), "must be whole"),
        (SHORT.replace('1\n2.5\n"a"', 'nan\n2.5\n"a"'), "must be a finite number, got nan"),
        (SHORT.replace('1\n2.5\n"a"', '1\n--undefined--\n"a"'), "must be a finite number"),
        (SHORT.replace("TextGrid", "PitchTier"), "must be a TextGrid"),
        (SHORT.replace("IntervalTier", "Sound"), "must be an IntervalTier"),
    ],
)
def test_a_damaged_textgrid_is_one_line_that_names_the_file(tmp_path, content, message):
    with pytest.raises(AudioError, match=rf"a\.TextGrid: .*{re.escape(message)}") as error:
        read_textgrid(written(tmp_path, content))
    assert "\n" not in str(error.value)


def test_other_bytes_are_named(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(SHORT.encode().replace(b'"d"', b'"\xe9"'))
    with pytest.raises(AudioError, match="must be UTF-8 or UTF-16"):
        read_textgrid(path)
