"""Imported before nbformat, this saves a second and a half of every start.

nbformat imports jsonschema, and jsonschema, where it finds `rfc3987_syntax`, compiles a grammar of
internationalised addresses. Nothing here checks any.
"""

from __future__ import annotations

import sys

if "jsonschema" not in sys.modules and "rfc3987_syntax" not in sys.modules:
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # not to be found
    import jsonschema  # noqa: F401

    del sys.modules["rfc3987_syntax"]
