import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import keras
import numpy as np
import pytest
import torch
from keras import layers
from keras.src.legacy.saving import legacy_h5_format

from srgan.errors import ModelError
from srgan.interop.convert import convert
from srgan.interop.keras_h5 import read_keras, to_pixel_shuffle
from srgan.models.metadata import read_info
from srgan.runtime.network import open_network
from support.originals import picture

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras with new numpy


def depth_to_space(x):
    """``tf.depth_to_space(x, 2)`` by its definition: NHWC, sub-pixel (i, j) of channel c from input channel (2i + j)C + c."""
    _, h, w, channels = x.shape
    x = x.reshape(-1, h, w, 2, 2, channels // 4)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, 2 * h, 2 * w, channels // 4)


def generator(features=64, blocks=16, levels=2):
    """srgan-keras' generator, layer by layer in its order; numbers of layers do not start at 1, as in a long process."""
    keras.utils.clear_session()
    layers.Conv2D(3, 3), layers.PReLU()  # take the first numbers
    image = layers.Input((None, None, 3))

    def residual(inputs):
        x = layers.Conv2D(features, 3, padding="same")(inputs)
        x = layers.BatchNormalization()(x)
        x = layers.PReLU(shared_axes=[1, 2])(x)
        x = layers.Conv2D(features, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        return layers.Add()([x, inputs])

    x = layers.Conv2D(features, 9, padding="same")(image)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    short = x
    for _ in range(blocks):
        x = residual(x)
    x = layers.Conv2D(features, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Add()([x, short])
    for _ in range(levels):
        x = layers.Conv2D(4 * features, 3, padding="same")(x)
        x = layers.Lambda(depth_to_space, output_shape=lambda s: (s[0], None, None, s[3] // 4))(x)
        x = layers.PReLU(shared_axes=[1, 2])(x)
    model = keras.Model(image, layers.Conv2D(3, 9, padding="same", activation="tanh")(x), name="generator")
    random = np.random.default_rng(1)
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "Conv2D":
            kernel, bias = layer.get_weights()
            spread = np.prod(kernel.shape[:3]) ** -0.5
            layer.set_weights([random.normal(0, spread, kernel.shape), random.uniform(-0.2, 0.2, bias.shape)])
        elif kind == "BatchNormalization":
            f = layer.get_weights()[0].shape
            low_high = ((0.2, 0.5), (-0.2, 0.2), (-0.2, 0.2), (0.3, 1.5))
            layer.set_weights([random.uniform(low, high, f) for low, high in low_high])
        elif kind == "PReLU":
            layer.set_weights([random.uniform(0.05, 0.4, layer.get_weights()[0].shape)])
    return model


def save_as_keras2(model, path, inside=None):
    """Write the file as Keras 2.1 does: byte strings, ``conv2d_7/kernel:0``, a group a layer, all layers listed."""
    with h5py.File(path, "w") as file:
        group = file.create_group(inside) if inside else file
        group.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        group.attrs["backend"], group.attrs["keras_version"] = b"tensorflow", b"2.1.5"
        for layer in model.layers:
            own = group.create_group(layer.name)
            names = [f"{layer.name}/{weight.name.split('/')[-1]}:0" for weight in layer.weights]
            own.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layer.get_weights(), strict=True):
                own.create_dataset(name, data=value.astype(np.float32))


def wanted(model, lr):
    """As srgan-keras' predict does it, without its truncation to 8 bits."""
    batch = lr.permute(0, 2, 3, 1) * 2 - 1
    with torch.no_grad():
        result = model(batch, training=False).detach().numpy()
    return (result * 0.5 + 0.5).transpose(0, 3, 1, 2)


def check(model, h5, tmp_path):
    done = convert(h5, tmp_path / "g.onnx", overwrite=True)
    lr = picture(13, 18)
    target = wanted(model, lr)
    assert np.abs(target - 0.5).mean() > 0.05
    got = open_network(tmp_path / "g.onnx", precision="fp32")(lr.numpy())
    assert got.shape == target.shape
    assert np.abs(got - target).max() < 1e-4
    return done


def test_the_whole_generator_as_keras_2_saves_it(tmp_path):
    model = generator()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert [kinds.count(kind) for kind in ("Conv2D", "BatchNormalization", "PReLU")] == [37, 33, 19]
    save_as_keras2(model, tmp_path / "Generator_SRGAN.h5")
    done = check(model, tmp_path / "Generator_SRGAN.h5", tmp_path)
    assert (done.scale, done.origin) == (4, "srgan-keras generator")
    assert read_info(tmp_path / "g.onnx").radius == 40


def test_what_keras_3_saves_in_the_old_format(tmp_path):
    model = generator(8, 2, 1)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    assert check(model, tmp_path / "w.h5", tmp_path).scale == 2


def test_a_whole_saved_model(tmp_path):
    model = generator(8, 2, 3)
    save_as_keras2(model, tmp_path / "m.h5", inside="model_weights")
    assert check(model, tmp_path / "m.h5", tmp_path).scale == 8


def test_channel_order_by_hand():
    # Two channels: depth_to_space has (sub-pixel, channel), PixelShuffle (channel, sub-pixel).
    order = to_pixel_shuffle(np.arange(8, dtype=np.float32))
    assert order.tolist() == [0, 2, 4, 6, 1, 3, 5, 7]


def layer(file, number):
    name = file.attrs["layer_names"][number]
    return name.decode() if isinstance(name, bytes) else name


@pytest.fixture
def small(tmp_path):
    save_as_keras2(generator(8, 1, 1), tmp_path / "g.h5")
    return tmp_path / "g.h5"


def refused(path, *words):
    with pytest.raises(ModelError) as caught:
        read_keras(path)
    assert "\n" not in str(caught.value)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_other_networks_are_refused_with_their_counts(tmp_path):
    image = layers.Input((32, 32, 3))
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2)(image))
    save_as_keras2(keras.Model(image, layers.Conv2D(8, 3)(x)), tmp_path / "d.h5")
    refused(tmp_path / "d.h5", "2 convolutions, 1 BatchNorms and 0 PReLUs", "37, 33 and 19")
    dense = layers.Dense(1)(layers.GlobalAveragePooling2D()(x))
    save_as_keras2(keras.Model(image, dense), tmp_path / "e.h5")
    refused(tmp_path / "e.h5", "dense", "Generator_SRGAN.h5")


def test_files_that_hold_no_weights_are_refused(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["images"] = np.zeros((2, 3))
    refused(tmp_path / "data.h5", "without Keras' list of layers")
    (tmp_path / "text.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"nothing" * 40)
    refused(tmp_path / "text.h5", "damaged")


def test_truncated_files_are_refused(small):
    data = small.read_bytes()
    for part in (2, 10, 100):
        small.write_bytes(data[: len(data) - len(data) // part])
        refused(small, "damaged")


@pytest.mark.parametrize("shape", [(3, 3, 8, 9), (5, 5, 8, 8), (3, 3, 7, 8)])
def test_wrong_shapes_are_refused(small, shape):
    with h5py.File(small, "r+") as file:
        name = layer(file, 3)
        assert name.startswith("conv2d")
        del file[name][f"{name}/kernel:0"]
        file[name].create_dataset(f"{name}/kernel:0", data=np.zeros(shape, np.float32))
    with pytest.raises(ModelError, match="conv2d") as caught:
        read_keras(small)
    assert "\n" not in str(caught.value)


def test_a_slope_for_each_pixel_is_refused(small):
    with h5py.File(small, "r+") as file:
        name = layer(file, 2)
        del file[name][f"{name}/alpha:0"]
        file[name].create_dataset(f"{name}/alpha:0", data=np.zeros((24, 24, 8), np.float32))
    refused(small, "shared_axes")


def test_sizes_are_checked_before_anything_is_read(small):
    with h5py.File(small, "r+") as file:
        name = layer(file, 1)
        del file[name][f"{name}/kernel:0"]
        # A few bytes that claim to be 4 TB.
        file[name].create_dataset(f"{name}/kernel:0", shape=(1 << 20, 1 << 20), dtype="f4", chunks=(1024, 1024))
    assert small.stat().st_size < 1 << 20
    refused(small, "million weights")


def test_links_to_other_files_are_not_followed(small, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["kernel"] = np.zeros((9, 9, 3, 8), np.float32)
    with h5py.File(small, "r+") as file:
        name = layer(file, 1)
        del file[name][f"{name}/kernel:0"]
        file[name][f"{name}/kernel:0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "kernel")
    refused(small, "another file")
