"""Building, editing and running ONNX graphs."""
