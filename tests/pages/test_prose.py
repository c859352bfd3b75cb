"""Nothing on a page is called as a student likes."""

from __future__ import annotations

import pytest
from nbconvert.filters.markdown_mistune import MarkdownWithMath

from autograder.pages.exporter import Typesetter


@pytest.mark.parametrize("text", ["# MLP", "MLP\n===", "### MLP `x` ###", "## a\n\n### b"])
def test_a_heading_takes_no_id(text: str) -> None:
    page = MarkdownWithMath(renderer=Typesetter()).render(text)
    assert "<h" in page and "id=" not in page
