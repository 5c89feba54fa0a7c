"""Errors that end a command with one clear sentence; `exit_code` is what the shell sees."""


class SlimbenchError(Exception):
    """A problem the user can act on. The message states the value, the limit and the way out."""

    exit_code = 1


class UsageError(SlimbenchError):
    """A wrong name, option or file given by the user."""

    exit_code = 2


class DataError(UsageError):
    """A data set that is missing, truncated or fails its checksum."""


class OverBudgetError(SlimbenchError):
    """A run asked for more than its budget."""


class RefusedError(SlimbenchError):
    """A submitted bundle, or a claim in it, that is not accepted."""
