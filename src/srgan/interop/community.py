"""Community networks through spandrel, which tells from the keys what a state dict belongs to: ESRGAN, Real-ESRGAN, SPAN, ...

Files are read by :mod:`srgan.networks.safe_pickle`; spandrel gets tensors, never a file.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from srgan.errors import MissingExtraError, ModelError
from srgan.interop.imported import ImportedNetwork
from srgan.interop.onnx_export import export_module


def read_community(name: str, state: Mapping[str, Tensor]) -> ImportedNetwork:
    """Return the network that spandrel builds for these weights.

    Parameters
    ----------
    name : of the file, for errors
    state : its tensors

    Raises
    ------
    MissingExtraError
        without spandrel
    ModelError
        when spandrel does not know it, or it does not enlarge RGB pictures by a power of two
    """
    try:
        import spandrel
    except ImportError as error:
        raise MissingExtraError(
            f"'{name}' is not of a known SRGAN repository; trying the community's networks", "community"
        ) from error
    try:
        found = spandrel.ModelLoader(device="cpu").load_from_state_dict(dict(state))
    except Exception as error:  # unknown keys, shapes that contradict each other: kinds of many modules
        some = ", ".join(list(state)[:3])
        raise ModelError(
            f"'{name}' is of no network that srgan or spandrel knows (its keys begin with {some}): docs/convert.md lists what is"
        ) from error
    origin = f"{found.architecture.name} (spandrel)"
    scale = found.scale
    if not isinstance(found, spandrel.ImageModelDescriptor) or found.input_channels != 3 or found.output_channels != 3:
        raise ModelError(f"{origin}: it does not map RGB to RGB pictures: only such networks can be converted")
    if scale < 2 or scale & (scale - 1):
        raise ModelError(f"{origin}: it enlarges by {scale}: only powers of two from 2 on can be converted")
    network: nn.Module = found.model.float().eval()
    return ImportedNetwork(origin, scale, lambda half: export_module(network, origin, half=half), network)
