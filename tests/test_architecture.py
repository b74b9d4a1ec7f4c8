"""The shape of the package: no module imports itself in a circle, and none outgrows its subject."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "nitakao"
LONGEST = 400  # lines in a module


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Every import in the package, those inside functions and under TYPE_CHECKING too."""
    return grimp.build_graph("nitakao", cache_dir=None)


def circles(graph: grimp.ImportGraph) -> Iterator[list[str]]:
    """Groups of modules that import each other.  Source: Tarjan 1972, SIAM J. Comput. 1(2)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(module: str) -> Iterator[list[str]]:
        index[module] = low[module] = len(index)
        stack.append(module)
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            if imported not in index:
                yield from visit(imported)
                low[module] = min(low[module], low[imported])
            elif imported in stack:
                low[module] = min(low[module], index[imported])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                yield group

    for module in sorted(graph.modules):
        if module not in index:
            yield from visit(module)


def test_no_modules_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    assert list(circles(graph)) == []


def test_no_module_is_longer_than_its_subject() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {str(path.relative_to(PACKAGE)): n for path, n in lengths.items() if n > LONGEST} == {}
