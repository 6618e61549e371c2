"""Windows cover a recording, and their seams lie where nothing is said."""

import pytest
import torch

from inference.streaming.windows import Window, WindowJoiner, plan_windows, seam


@pytest.mark.parametrize(
    ("frames", "size", "overlap"), [(11, 10, 2), (95, 10, 9), (1000, 37, 5), (18, 10, 2)]
)
def test_windows_cover_everything_and_overlap_enough(frames, size, overlap):
    windows = plan_windows(frames, size, overlap)
    assert windows[0].start_frame == 0
    assert windows[-1].end_frame == frames
    assert {end - start for start, end in windows} == {size}
    for before, after in zip(windows, windows[1:], strict=False):
        assert before.end_frame - after.start_frame >= overlap
        assert after.start_frame > before.start_frame


def test_a_seam_lies_behind_the_surest_blank_of_both():
    left = torch.full((12, 2), 0.5)
    left[5, 0] = 0.9
    right = left.clone()
    left[6, 0] = 0.95
    right[6, 0] = 0.1
    assert seam(left.log(), right.log(), blank_id=0) == 6


def test_a_seam_keeps_away_from_the_overlaps_ends():
    left = torch.full((12, 2), 0.5)
    left[0, 0] = left[11, 0] = 1.0
    assert 3 < seam(left.log(), left.log(), blank_id=0) <= 9


def test_joined_windows_of_the_same_scores_are_those_scores():
    scores = torch.randn(95, 4, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    joiner = WindowJoiner(blank_id=0)
    segments = []
    for window in plan_windows(95, 20, 6):
        segments += joiner.add(window, scores[window.start_frame : window.end_frame])
    segments += joiner.finish()
    assert torch.equal(torch.cat([segment.log_probs for segment in segments]), scores)
    ends = [segment.start_frame + len(segment.log_probs) for segment in segments]
    assert [segment.start_frame for segment in segments] == [0, *ends[:-1]]


def test_windows_without_overlap_are_put_side_by_side():
    joiner = WindowJoiner(blank_id=0)
    scores = torch.zeros(6, 2)
    parts = [*joiner.add(Window(0, 3), scores[:3]), *joiner.add(Window(3, 6), scores[3:]), *joiner.finish()]
    assert [segment.start_frame for segment in parts] == [0, 3]
