"""Which pictures make up a batch, and the learning rate of a step: functions of numbers alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from nitakao.errors import TrainingError
from nitakao.training import schedule
from nitakao.training.sampling import Sampler

LABELS = np.repeat(np.arange(10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 30])


def test_a_batch_shows_so_many_people_and_so_many_pictures_of_each() -> None:
    sampler = Sampler(LABELS, people=4, pictures=3)
    for number in range(20):
        rows = sampler.batch(number)
        assert sorted(Counter(LABELS[rows].tolist()).values()) == [3, 3, 3, 3]
        for person in set(LABELS[rows].tolist()):
            mine = rows[LABELS[rows] == person]
            assert len(set(mine.tolist())) == min(3, int((person == LABELS).sum()))


def test_everybody_comes_as_often_however_many_pictures_they_have() -> None:
    sampler = Sampler(LABELS, people=5, pictures=2)
    seen = Counter(int(person) for number in range(200) for person in LABELS[sampler.batch(number)])
    assert set(seen.values()) == {200 * 5 * 2 // 10}


def test_naturally_every_picture_comes_once_before_any_comes_twice() -> None:
    sampler = Sampler(LABELS, people=5, pictures=3, natural=True)
    first = np.concatenate([sampler.batch(number) for number in range(sampler.batches_per_epoch)])
    assert len(set(first.tolist())) == len(first) == 75


def test_a_batch_depends_on_its_number_and_the_seed_alone() -> None:
    for natural in (False, True):
        one, other = (Sampler(LABELS, 4, 3, natural) for _ in range(2))
        late = other.batch(17)
        assert np.array_equal(one.batch(17), late)
        assert not np.array_equal(Sampler(LABELS, 4, 3, natural, seed=1).batch(17), late)
        assert not np.array_equal(one.batch(18), late)


def test_fewer_people_than_a_batch_wants_are_all_taken() -> None:
    rows = Sampler(np.array([0, 0, 1]), people=16, pictures=4).batch(3)
    assert Counter(np.array([0, 0, 1])[rows].tolist()) == {0: 4, 1: 4}


def test_rates_follow_their_course() -> None:
    cosine = [schedule.learning_rate(step, 1000, 1.0, "cosine", 0) for step in range(1000)]
    assert cosine[0] == pytest.approx(0.02)
    assert max(cosine) == cosine[50] == 1.0
    assert cosine[525] == pytest.approx(0.5, abs=0.01)
    assert 0 < cosine[-1] < 1e-4
    falls = [schedule.learning_rate(step, 1000, 1.0, "step", 0) for step in (100, 500, 750, 900)]
    assert falls == pytest.approx([1.0, 0.1, 0.01, 0.001])


# As davidsandberg's data/learning_rate_schedule_classifier_vggface2.txt, and with a minus as his reader takes it
FILE = "# Learning rate schedule\n# Maps an epoch number to a learning rate\n0:   0.05\n100: 0.005 # less\n\n200: -\n"


def test_his_schedule_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "schedule.txt").write_text(FILE, "utf-8")
    text = schedule.read(tmp_path / "schedule.txt")
    told = [schedule.learning_rate(step, 9999, 123.0, text, epoch=10) for step in (0, 999, 1000, 1999, 2000, 5000)]
    assert told == [0.05, 0.05, 0.005, 0.005, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0: fast", "line 1 is not 'epoch: rate' but '0: fast'"),
        ("5: 0.1", "must start with a rate for epoch 0"),
        ("", "must start with a rate for epoch 0"),
        ("0: nan", "not finite"),
        ("0: 0.1\n1", "line 2 is not"),
    ],
)
def test_a_file_that_is_no_schedule_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "schedule.txt").write_text(text, "utf-8")
    with pytest.raises(TrainingError, match=said):
        schedule.read(tmp_path / "schedule.txt")
    with pytest.raises(TrainingError, match="cannot be read: No such file"):
        schedule.read(tmp_path / "none.txt")
