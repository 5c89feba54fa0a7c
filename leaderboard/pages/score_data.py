"""Example scores of one run as a script that the compare view loads, also from disk."""

from __future__ import annotations

import base64
import json

import numpy as np


def score_script(key: str, scores: np.ndarray) -> str:
    """`slimbenchScores(key, examples, kind, base64)`: bits for right or wrong, else uint16.

    Graded scores in [0, 1] are rounded to 1 / 65535, finer than the float16 they are kept in.
    """
    if scores.dtype == np.bool_ or np.isin(scores, (0, 1)).all():
        kind, data = "bits", np.packbits(scores.astype(bool)).tobytes()
    else:
        graded = np.clip(scores.astype(np.float64), 0, 1) * 65535
        kind, data = "graded", graded.round().astype("<u2").tobytes()
    encoded = base64.b64encode(data).decode()
    return f'slimbenchScores({json.dumps(key)},{len(scores)},"{kind}","{encoded}");\n'
