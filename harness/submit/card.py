"""The card of a submission: what its authors say about it, read from TOML as untrusted text."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path

from pydantic import Field, ValidationError

from harness.errors import RefusedError, UsageError
from harness.record_row import Row
from harness.record_submission import CardRecord

_LICENCES = """
0BSD AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause
BSL-1.0 CC-BY-4.0 CC-BY-NC-4.0 CC-BY-NC-SA-4.0 CC-BY-SA-4.0 CC0-1.0 EPL-2.0 EUPL-1.2 GPL-2.0-only
GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later ISC LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only
LGPL-3.0-or-later LicenseRef-proprietary MIT MPL-2.0 MS-PL NCSA Unlicense Zlib
"""
LICENCES = frozenset(_LICENCES.split())
TEMPLATE = """# Who made this, from what, and how. Every line is shown on the site, as text.
name = "My method"
authors = ["Ada Lovelace"]
licence = "Apache-2.0"  # SPDX, of the artifact
paper = ""  # arXiv:..., doi:..., or empty
code_url = ""  # https://..., or empty
description = "What it does, in a sentence or two."
hardware = "2 Intel Xeon cores"
training_data = "the task's train split only"
tries = 1  # runs you made before choosing these, failed ones and other settings included
"""


class Card(Row):
    """The fields of `card.toml`; lengths are bounded, control characters are refused."""

    name: str = Field(min_length=1, max_length=80)
    authors: list[str] = Field(min_length=1, max_length=50)
    licence: str = Field(max_length=40)
    paper: str = Field(max_length=200)
    code_url: str = Field(max_length=300)
    description: str = Field(min_length=1, max_length=2000)
    hardware: str = Field(min_length=1, max_length=200)
    training_data: str = Field(min_length=1, max_length=500)
    tries: int = Field(ge=1, le=10**6, strict=True)

    def record(self, task: str, method: str, created: str) -> CardRecord:
        """The card as a record of one method on one task."""
        return CardRecord(task=task, method=method, created=created, **self.model_dump())


def read_card(path: Path) -> Card:
    """The card in a TOML file. Raises RefusedError naming the first field that is wrong."""
    try:
        fields = tomllib.loads(path.read_bytes().decode())
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path.name} is not UTF-8 (byte {error.start}); save it so") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise RefusedError(f"{path.name} is not TOML: {str(error)[:200]}") from None
    try:
        card = Card.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(ascii(part).strip("'")[:40] for part in first["loc"])
        raise RefusedError(f"{path.name}: '{where}': {first['msg']}") from None
    _check(path.name, card)
    return card


def _check(name: str, card: Card) -> None:
    if card.licence not in LICENCES:
        raise RefusedError(
            f"{name}: licence {card.licence!a} is no known SPDX name such as Apache-2.0 or MIT; "
            "LicenseRef-proprietary says that there is none"
        )
    if card.code_url and not re.fullmatch(r"https://[!-~]+", card.code_url):
        raise RefusedError(f"{name}: code_url {card.code_url[:80]!a} is no https:// address")
    if any(not 1 <= len(author) <= 100 for author in card.authors):
        raise RefusedError(f"{name}: each author must have 1 to 100 characters")
    for field, value in card.model_dump().items():
        for text in value if isinstance(value, list) else [value]:
            if bad := next((c for c in str(text) if _acts_unseen(c)), None):
                raise RefusedError(
                    f"{name}: '{field}' holds U+{ord(bad):04X}, a character that acts unseen; "
                    "write plain text"
                )


def _acts_unseen(character: str) -> bool:
    """Control, direction-changing, private and unassigned characters; line breaks are fine."""
    return character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn", "Cs")


def card_for(path: Path | None) -> Card:
    """The submitter's card. Raises UsageError with a card to start from when there is none."""
    if path is None or not path.is_file():
        raise UsageError(f"a submission needs --card card.toml; start from this:\n\n{TEMPLATE}")
    try:
        return read_card(path)
    except RefusedError as error:
        raise UsageError(str(error)) from None
