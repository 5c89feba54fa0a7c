"""Example scores of one run as a script that the compare view loads, also from disk."""

from __future__ import annotations

import base64
import json

import numpy as np


def score_script(key: str, scores: np.ndarray) -> str:
    """`slimbenchScores(key, examples, kind, base64)`: bits for right or wrong, else numbers.

    Graded scores in [0, 1] are uint16, rounded to 1 / 65535, finer than the float16 they are kept
    in; others (an average precision's parts may be of any size) are float32.
    """
    if scores.dtype == np.bool_ or np.isin(scores, (0, 1)).all():
        kind, data = "bits", np.packbits(scores.astype(bool)).tobytes()
    elif scores.min() >= 0 and scores.max() <= 1:
        kind, data = "graded", (scores.astype(np.float64) * 65535).round().astype("<u2").tobytes()
    else:
        kind, data = "real", scores.astype("<f4").tobytes()
    encoded = base64.b64encode(data).decode()
    return f'slimbenchScores({json.dumps(key)},{len(scores)},"{kind}","{encoded}");\n'
