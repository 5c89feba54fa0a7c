"""Tasks, one folder each; data sets and models that several share."""
