"""Embedding networks, one module each: build an ONNX graph from weights."""
