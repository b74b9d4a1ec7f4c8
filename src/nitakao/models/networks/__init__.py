"""One file for each embedding network: weights in, an ONNX graph out."""
