"""Weights from elsewhere: foreign files in, networks that keep srgan's contract out (torch).

::

    convert.py      recognises a file, builds the network, checks it, writes it: the entry point
    imported.py     what an importer returns, and how a network shaped like ours becomes ONNX
    keras_h5.py     srgan-keras, Keras .h5 weights
    torch_pth.py    srgan-pytorch, SRGAN-PyTorch, BasicSR's MSRResNet: recognised by their keys
    own.py          our own checkpoints and plain state dicts
    community.py    whatever spandrel knows: ESRGAN, Real-ESRGAN and others
    spandrel_architecture.py  our generator for programs that load networks by spandrel, such as ComfyUI
    onnx_export.py  a torch module as an ONNX graph of ours
"""
