"""Ordinary prompts are hardly ever taken for mistyped names."""

from __future__ import annotations

from benchmarks.false_alarms import made_prompts, measure


def test_false_alarms() -> None:
    """Less than one prompt in a hundred has one, and hardly more of any kind of writer."""
    measured = [*measure(made_prompts(300))]
    assert len(measured) >= 5
    for alarms in measured:
        assert alarms.share < 0.015, (alarms.source, alarms.words.most_common(5))
    wrong, prompts = (sum(alarms[place] for alarms in measured) for place in (2, 1))
    assert wrong / prompts < 0.01
