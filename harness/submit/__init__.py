"""Submissions: pack a bundle, verify it from the artifact alone, reproduce a published row.

pack      runs or one ONNX file -> a bundle (bundle.py says what is in one)
verify    a stranger's bundle -> a verdict for each claim; nothing of theirs is run but the graph
reproduce a published row -> fresh seeds -> reproduced, not reproduced, or too few seeds to tell
"""
