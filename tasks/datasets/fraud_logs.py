"""Behaviour logs of the generated fraud data: what the user did before the request, and when.

Source of the figures: mouse gaps of the Balabit challenge (Fulop et al. 2016; p5/50/95/99 =
1/119/713/3,772 ms); pauses between pages are power laws (Barabasi 2005, doi:10.1038/nature03459).
Which steps follow which is an assumption.
"""

from __future__ import annotations

import numpy as np

LENGTH = 64  # events kept, the newest
EVENTS = (  # number 0 is padding, or an event of unknown kind
    *("none", "login", "password", "view", "search", "pointer", "keys", "add_item"),
    *("account", "new_password", "new_address", "new_payee", "checkout", "pay", "help", "back"),
)
POINTER, KEYS = EVENTS.index("pointer"), EVENTS.index("keys")
POINTER_MEDIAN, POINTER_SIGMA = 0.119, 1.088  # s; sigma = ln(713 / 119) / 1.645, Balabit
PAUSE_EXPONENT, PAUSE_LEAST, PAUSE_MOST = 1.8, 0.8, 1800.0  # s; exponent 1 to 2, ends assumed
SHORTEST, TYPICAL = 8, 34  # events of a log, assumed
BORROWED = 0.15  # of the steps of an honest log that looks odd, assumed
HELP_SHARE = 0.12  # of its steps that ask for help, which no other log does, assumed
BOT_SHARE = 0.5  # of logs with strong evidence: bot-like; the others are taken-over accounts

# Chance of the next event after each (rows as EVENTS), for people, bots and takeovers: assumed.
_STEPS = {
    "login": "password 6, keys 3, pointer 1",
    "password": "view 5, pointer 3, account 1",
    "view": "pointer 6, view 2, search 1, add_item 1, back 0.5",
    "search": "keys 4, view 4, pointer 2",
    "pointer": "pointer 8, view 2, keys 1, add_item 0.7, account 0.2, checkout 0.3",
    "keys": "keys 7, view 1, pointer 2, search 0.5",
    "add_item": "pointer 3, view 2, checkout 1",
    "account": "view 3, pointer 3, new_address 0.15, new_password 0.1, new_payee 0.3",
    "new_password": "keys 6, view 2",
    "new_address": "keys 6, view 2",
    "new_payee": "keys 6, view 1, pay 1",
    "checkout": "pay 3, keys 2, pointer 2, back 0.5",
    "pay": "view 2, pointer 2, keys 1",
    "help": "view 3, pointer 2",
    "back": "view 4, pointer 2",
}
_BOT = {"view": "view 2, add_item 3, search 1", "add_item": "checkout 4, view 1", "keys": "keys 3"}
_TAKEN = {
    "password": "account 5, view 2, pointer 2",
    "account": "new_password 2, new_address 2, new_payee 3, view 1, pointer 1",
    "pointer": "pointer 6, view 2, keys 1, account 1, checkout 0.5",
}


def _table(changes: dict[str, str]) -> np.ndarray:
    """Cumulative chances float64 (events, events) of the next event."""
    table = np.zeros((len(EVENTS), len(EVENTS)))
    for event, text in (_STEPS | changes).items():
        for part in text.split(", "):
            name, weight = part.rsplit(" ", 1)
            table[EVENTS.index(event), EVENTS.index(name)] = float(weight)
    table[0, EVENTS.index("login")] = 1
    return np.cumsum(table / table.sum(1, keepdims=True), axis=1)


TABLES = np.stack([_table({}), _table(_STEPS | _BOT), _table(_STEPS | _TAKEN)])
PERSON, BOT, TAKEN = range(3)


def logs(
    random: np.random.Generator, evidence: np.ndarray, drift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Event kinds int64 (n, 64) and seconds since the event before float32 (n, 64).

    `evidence` (n,): 0 none, 1 as some honest users show, 2 a bot or a taken-over account, which
    learn to look human as `drift` (n,) goes from 0 to 1. Shorter logs are padded with 0.
    """
    count = len(evidence)
    bot = random.random(count) < BOT_SHARE
    style = np.where(evidence == 2, np.where(bot, BOT, TAKEN), PERSON)
    # honest look-alikes: password managers fill forms in, owners change their own data
    borrowed = (evidence == 1)[:, None] & (random.random((count, LENGTH)) < BORROWED)
    other = np.where(bot, BOT, TAKEN)
    human = (evidence == 2)[:, None] & (random.random((count, LENGTH)) < 0.1 + 0.2 * drift[:, None])
    styles = np.where(borrowed, other[:, None], np.where(human, PERSON, style[:, None]))
    events = _walks(random, styles)
    helped = (evidence == 1)[:, None] & (random.random(events.shape) < HELP_SHARE)
    events = np.where(helped, EVENTS.index("help"), events)
    gaps = _gaps(random, events, styles, drift)
    lengths = np.clip(random.normal(TYPICAL, 14, count), SHORTEST, LENGTH).astype(int)
    present = np.arange(LENGTH) < lengths[:, None]
    gaps[:, 0] = 0
    return np.where(present, events, 0), np.where(present, gaps, 0).astype(np.float32)


def _walks(random: np.random.Generator, styles: np.ndarray) -> np.ndarray:
    """Markov chains int64 (n, 64) that take each step by the table of its style."""
    events = np.zeros(styles.shape, np.int64)
    now = np.zeros(len(styles), np.int64)
    for step in range(styles.shape[1]):
        chances = TABLES[styles[:, step], now]  # (n, events)
        now = (random.random((len(now), 1)) > chances).sum(1)
        events[:, step] = now
    return events


def _gaps(
    random: np.random.Generator, events: np.ndarray, styles: np.ndarray, drift: np.ndarray
) -> np.ndarray:
    """Seconds (n, 64) before each event: quick within a page, heavy-tailed between pages."""
    shape = events.shape
    quick = np.exp(random.normal(np.log(POINTER_MEDIAN), POINTER_SIGMA, shape))
    power = 1 - PAUSE_EXPONENT
    low, high = PAUSE_LEAST**power, PAUSE_MOST**power
    pauses = (low + random.random(shape) * (high - low)) ** (1 / power)
    gaps = np.where((events == POINTER) | (events == KEYS), quick, pauses)
    pace = random.uniform(0.08, 0.5, (shape[0], 1))  # s between a bot's steps, assumed
    jitter = 0.05 + 0.3 * drift[:, None]
    regular = pace * np.exp(jitter * random.normal(size=shape))
    slow = gaps * np.exp(random.normal(0.5, 0.3, shape))  # a stranger searches for the way
    return np.where(styles == BOT, regular, np.where(styles == TAKEN, slow, gaps))
