"""The one style sheet of the pages that people read; by its digest, for nothing else may be styled."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Final

STYLE: Final = (
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif;color:#222}"
    "h2{margin-top:3rem;border-bottom:1px solid #ccc}h3{margin-top:2rem}code{background:#f3f3f3;padding:.1em .3em}"
    "table{border-collapse:collapse}td,th{border:1px solid #ddd;padding:.25rem .6rem;text-align:left}"
)
STYLE_SOURCE: Final = f"'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
"""As a Content-Security-Policy names it."""
