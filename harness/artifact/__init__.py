"""The deployed model: exported, checked, scored and counted as one ONNX file."""
