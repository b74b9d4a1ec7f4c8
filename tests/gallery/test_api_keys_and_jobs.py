"""Keys and jobs in the gallery, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nitakao.errors import MisuseError
from nitakao.gallery import api_keys, jobs


def test_a_key_is_found_by_its_secret_until_it_is_revoked(gallery):
    key, secret = api_keys.create(gallery, "Ada's laptop", "write")
    assert api_keys.active_keys(gallery) == {api_keys.digest(secret): key}
    assert api_keys.revoke(gallery, key.id).revoked is not None
    assert api_keys.active_keys(gallery) == {}
    assert [one.name for one in api_keys.keys(gallery)] == ["Ada's laptop"]
    again, other = api_keys.create(gallery, "Ada's laptop", "write")
    assert (again.id, other) != (key.id, secret)


def test_a_key_that_is_not_there_cannot_be_revoked(gallery):
    with pytest.raises(MisuseError, match="no key 7"):
        api_keys.revoke(gallery, 7)
    with pytest.raises(MisuseError, match="no role 'root'"):
        api_keys.create(gallery, "Ada", "root")  # type: ignore[arg-type]  # what is refused


def test_a_job_is_kept_as_it_goes_on(gallery):
    job = jobs.add(gallery, "index")
    jobs.save(gallery, replace(job, state="done", started=1.5, finished=2.5, done=3, total=3, result={"名": [1, None]}))
    assert jobs.job(gallery, job.id) == jobs.jobs(gallery)[0]
    assert [one.result for one in jobs.jobs(gallery)] == [{"名": [1, None]}]
    assert jobs.job(gallery, 99) is None


def test_old_jobs_are_forgotten_and_open_ones_broken_off(gallery, monkeypatch):
    monkeypatch.setattr(jobs, "MAX_JOBS", 3)
    first = jobs.add(gallery, "index")
    jobs.save(gallery, replace(first, state="done"))
    others = [jobs.add(gallery, "index") for _ in range(4)]
    assert [job.id for job in jobs.jobs(gallery)] == [job.id for job in others][::-1]
    assert jobs.fail_interrupted(gallery) == 4
    assert jobs.fail_interrupted(gallery) == 0
    assert {job.problem for job in jobs.jobs(gallery)} == {jobs.INTERRUPTED}
