"""The OpenAPI document: complete, with examples, and correct for generated requests."""

from __future__ import annotations

import re

import httpx
import pytest
from tests.server.conftest import running, settings_for

EXAMPLES = 12  # requests per operation, to limit CI time
STATELESS = "/api/v1"


def operations(served):
    description = httpx.get(f"{served.url}api/v1/openapi.json").json()
    for path, methods in description["paths"].items():
        if path.startswith(STATELESS):
            for method, operation in methods.items():
                yield path, method, operation


def test_every_route_says_what_it_does_and_what_it_answers(still):
    listed = list(operations(still[0]))
    assert len(listed) > 35
    for path, method, operation in listed:
        assert operation.get("description"), (path, method)
        answers = operation["responses"]
        assert any(status.startswith("2") for status in answers), (path, method)
        for status, answer in answers.items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (path, method, status)


def test_every_body_and_every_problem_has_an_example(still):
    description = httpx.get(f"{still[0].url}api/v1/openapi.json").json()
    shapes = description["components"]["schemas"]
    assert shapes["Document"]["example"]["status"] == 404
    for path, method, operation in operations(still[0]):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            name = re.findall(r"schemas/(\w+)", str(body["schema"]))[0]
            assert "example" in shapes[name], (path, method, name)


def test_whatever_is_sent_nothing_breaks_and_every_answer_is_documented(people, tmp_path, monkeypatch):
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, Verbosity, settings

    from nitakao.server import job_kinds

    monkeypatch.setattr(job_kinds, "index", lambda *_, **__: lambda watch: {})  # generated paths are not indexed
    limits = settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    with running(settings_for(tmp_path)) as served:
        schema = schemathesis.openapi.from_url(f"{served.url}api/v1/openapi.json")
        failures = []
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path.endswith("/events") or not operation.path.startswith(STATELESS):
                continue

            def send(case):
                case.call_and_validate(base_url=served.url.rstrip("/"), timeout=60, checks=checks())

            checked = schemathesis_test(operation, send, limits)
            if checked is not None:
                failures.append(f"{operation.label}: {checked}")
        assert not failures, "\n\n".join(failures)


def checks():
    """No server error and no undocumented response; rejections are allowed."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks as ours

    described = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
    return [not_a_server_error, *(getattr(ours, name) for name in described)]


def schemathesis_test(operation, send, limits) -> str | None:
    from hypothesis import given

    try:
        limits(given(case=operation.as_strategy())(send))()
    except BaseException as error:
        return str(error)[:2000]
    return None
