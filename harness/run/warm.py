"""Imported by the fork server once: a child's first export then takes a second, not four."""

from harness.artifact.export import warm_up

warm_up()
