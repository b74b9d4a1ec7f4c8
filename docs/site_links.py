"""A hook for MkDocs: links from the docs to other files of the repository lead to the repository on the web."""

from __future__ import annotations

import re
from typing import Any


def on_page_markdown(markdown: str, *, config: Any, **_: object) -> str:
    """The page with `](../FILE)` turned into `](REPOSITORY/blob/main/FILE)`."""
    return re.sub(r"\]\(\.\./", f"]({config.repo_url.rstrip('/')}/blob/main/", markdown)
