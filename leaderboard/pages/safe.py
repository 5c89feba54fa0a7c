"""Untrusted text (names, causes, settings) made safe for HTML, file names and front matter."""

from __future__ import annotations

import hashlib
import html
import json
import re
import unicodedata
from typing import Any

LONGEST = 300  # characters of a cause that a page shows


def text(value: Any) -> str:
    """HTML-escaped text; control and direction-changing characters are shown as their code."""
    shown = str(value)
    if len(shown) > LONGEST:
        shown = shown[: LONGEST - 1] + "…"
    marked = "".join(map(_visible, shown))
    return html.escape(re.sub(r"[^\W\d_]+", _unmixed, marked), quote=True)


def _unmixed(word: re.Match[str]) -> str:
    """A word of Latin letters with those of other scripts shown as their code.

    `p\u0430ypal` with a Cyrillic letter looks like the real one; words of one script are left.
    """
    letters = word.group()
    if letters.isascii():
        return letters
    scripts = {_script(letter) for letter in letters}
    if "LATIN" not in scripts or len(scripts) == 1:
        return letters
    return "".join(one if _script(one) == "LATIN" else f"⟨U+{ord(one):04X}⟩" for one in letters)


def _script(letter: str) -> str:
    """The first word of a letter's Unicode name, which is its script for all but a few."""
    return unicodedata.name(letter, "UNKNOWN").split()[0]


def _visible(character: str) -> str:
    """The character itself, or its code where it would act unseen (Unicode Cc, Cf, Zl, Zp)."""
    if character in "\n\t":
        return " "
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"⟨U+{ord(character):04X}⟩"
    return character


def slug(name: str) -> str:
    """A name as a file name: itself when harmless, else cleaned and made unique by a digest."""
    clean = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60]
    if clean == name and name.lower() != "index":
        return name
    return f"{clean or 'name'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def setting_text(setting: dict[str, Any]) -> str:
    """A setting as `key value` pairs, escaped; `default` when it is empty."""
    pairs = (f"{key} {_short(value)}" for key, value in sorted(setting.items()))
    return text(", ".join(pairs) or "default")


def row_name(row: dict[str, Any]) -> str:
    """A row's method and, smaller, its setting, escaped."""
    return f"{text(row['method'])} <small>{setting_text(row['setting'])}</small>"


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def embedded_json(value: Any) -> str:
    """JSON that may stand inside a script element: no tag can end it early."""
    dumped = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return dumped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def page(title: str, body: str) -> str:
    """A Markdown page over the whole width; `title` is untrusted, `body` is ours."""
    shown = json.dumps(text(title), ensure_ascii=False)
    return f"---\ntitle: {shown}\nhide:\n  - navigation\n  - toc\n---\n\n{body}\n"
