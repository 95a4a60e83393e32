#!/usr/bin/env bash
# Tests and measures the code for graphics cards on one that is lent for a quarter of an hour, and prints the tables of docs/engine.md.
#
#   benchmarks/gpu_check.sh pack PACK [3.12] here: what the other machine lacks, without the network, into the folder PACK (50 MB),
#                                            for its version of Python
#   benchmarks/gpu_check.sh run PACK [OUT]   there: tests, tables; all that is printed also goes to OUT/gpu.txt
#
# There, numpy, Pillow, onnx, ONNX Runtime and torch with CUDA are expected, and no network. PART="array levels" in the environment
# leaves out the other tables, QUICK=--quick makes all of them small.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

pack() {
    local place=$1 version=${2:-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')}
    rm -rf "$place"
    mkdir -p "$place"
    local site
    site=$(mktemp -d)
    pip install -q --no-deps --target "$site" pyvips
    local there=(--python-version "$version" --implementation cp --only-binary=:all:)
    local tag
    for tag in manylinux_2_34_x86_64 manylinux_2_28_x86_64 manylinux_2_27_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64; do
        there+=(--platform "$tag")
    done
    pip install -q --no-deps --target "$site" "${there[@]}" openvino openvino-telemetry pyvips-binary cffi pycparser \
        'typer<0.29' click shellingham typing-extensions rich pygments markdown-it-py mdurl annotated-doc \
        lightning-fabric lightning-utilities tomli-w pytest pytest-timeout pluggy iniconfig packaging ncnn
    # OpenVINO's other devices, its readers of other formats and its tools: nobody asks for them there.
    (cd "$site/openvino" && rm -rf tools torch frontend/pytorch frontend/tensorflow frontend/jax frontend/paddle frontend/tflite \
        libs/*gpu* libs/*npu* libs/*auto* libs/*hetero* libs/*pytorch* libs/*tensorflow* libs/*paddle* libs/*jax* libs/cache.json)
    find "$site" \( -name tests -o -name test -o -name __pycache__ \) -type d -prune -exec rm -rf {} +
    tar -C "$site" -cJf "$place/site.tar.xz" .
    rm -rf "$site"
    du -h "$place/site.tar.xz"
}

run() {
    local place=$1 out=${2:-.}
    local site
    site=$(mktemp -d)
    tar -C "$site" -xJf "$place/site.tar.xz"
    mkdir -p "$out"
    export PYTHONPATH="$here/src:$site"
    {
        python3 -c "import torch; print(torch.__version__, torch.cuda.get_device_name(0))"
        python3 -m srgan devices
        time python3 -m srgan upscale "$here/examples/indri.png" -o "$out/indri.png" --overwrite   # auto: with the trial
        time python3 -m srgan upscale "$here/examples/indri.png" -o "$out/indri.png" --overwrite   # and with its verdict
        # The tests that take whatever card there is, and those of the engine on it.
        SRGAN_TEST_DEVICE=cuda:0 timeout 200 python3 -m pytest -q -p no:cacheprovider \
            "$here/tests/runtime/test_torch_backend.py" "$here/tests/runtime/test_cuda_kernels.py" \
            "$here/tests/runtime/test_layers.py" "$here/tests/engine/test_on_devices.py" || true
        local parts=()
        for part in ${PART:-array levels folder sizes}; do parts+=(--gpu-part "$part"); done
        python3 "$here/benchmarks/upscaling.py" --device gpu "${parts[@]}" ${QUICK:-}
    } 2>&1 | tee "$out/gpu.txt"
}

case "${1:-}" in
pack) pack "${2:?the folder PACK}" "${3:-}" ;;
run) run "${2:?the folder PACK}" "${3:-.}" ;;
*) sed -n '2,9p' "$0" && exit 2 ;;
esac
