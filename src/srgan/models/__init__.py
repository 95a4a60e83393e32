"""The shipped networks (ONNX files) and the catalogue that names them."""
