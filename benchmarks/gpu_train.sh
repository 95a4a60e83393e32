#!/usr/bin/env bash
# Trains photo-psnr-x4 and photo-x4 by recipes/photo.toml, or by another recipe of one or two stages, in a quarter of an hour on one GPU.
#
#   benchmarks/gpu_train.sh pack PHOTOS VGG_WEIGHTS PACK [MEBIBYTES]
#   benchmarks/gpu_train.sh train PACK OUT [MINUTES] [INIT]
#
# "pack" writes all that the GPU's machine needs beside this checkout into the folder PACK: VGG's weights, and the photographs as
# JPEG of the highest quality that stays below MEBIBYTES in all (60). "train" measures how fast each stage is there, gives two fifths
# of MINUTES (13) to the first one and the rest to the second, and leaves the exported networks, their cards, the log and the pictures
# of the validations in OUT, a few megabytes. INIT is a network to start from, photo-psnr-x4 by default.
#
# In the environment: RECIPE, a name or a file (photo; photo-unet has another discriminator); FIRST, the first stage's share of the time
# (0.4); MORE, further options for srgan train, separated by spaces; PROBE, the steps of the measurement (300).
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH=$here/src

pack() {
    local photos=$1 weights=$2 pack=$3 limit=${4:-60}
    rm -rf "$pack"
    mkdir -p "$pack/photos"
    cp "$weights" "$pack/vgg.safetensors"
    python - "$photos" "$pack" "$limit" <<'PYTHON'
import io
import sys
from pathlib import Path

from PIL import Image

from srgan.image import list_pictures

photos, pack, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) << 20
room = limit - (pack / "vgg.safetensors").stat().st_size
files = list_pictures(photos)


def packed(file, quality):
    with Image.open(file) as picture:
        target = io.BytesIO()
        picture.convert("RGB").save(target, "JPEG", quality=quality, subsampling=0 if quality > 90 else 2)
        return target.getvalue()


# Every eighth file says about how large all will be.
some, all_bytes = files[::8], sum(file.stat().st_size for file in files)
share = sum(file.stat().st_size for file in some) / all_bytes
for quality in (96, 94, 92, 90, 88, 85, 82, 78):
    if sum(len(packed(file, quality)) for file in some) / share > 1.05 * room:
        continue
    found = [packed(file, quality) for file in files]
    if sum(map(len, found)) <= room:
        break
else:
    sys.exit(f"the photographs do not fit into {limit >> 20} MiB, even with a JPEG quality of {quality}: take fewer")
for number, data in enumerate(found):
    (pack / "photos" / f"{number:05d}.jpg").write_bytes(data)
print(f"{len(files)} photographs, quality {quality}, {sum(map(len, found)) >> 20} MiB")
PYTHON
}

train() {
    local pack=$1 out=$2 minutes=${3:-13} init=${4:-photo-psnr-x4} recipe=${RECIPE:-photo} steps=${PROBE:-300}
    local probe stage rate share stages common short settings
    # shellcheck disable=SC2206
    local more=(${MORE:-})
    stages=$(python -c 'import sys
from srgan.training.recipe import load_recipe
print(*load_recipe(sys.argv[1]).stages)' "$recipe") || exit 2
    read -ra stages <<< "$stages"
    [ ${#stages[@]} -le 2 ] || { echo "$recipe has ${#stages[@]} stages: give a recipe of one or two" >&2; exit 2; }
    common=(--recipe "$recipe" --vgg-weights "$pack/vgg.safetensors" --init "$init")
    common+=(--set "data.workers=$(($(nproc) > 2 ? $(nproc) - 1 : 1))" "${more[@]}")
    mkdir -p "$out"
    probe=$(mktemp -d)
    # A short run of all stages: its log says how many steps a second each makes.
    short=(--set run.validate_every=100000 --set "run.log_every=$((steps / 3))")
    for stage in "${stages[@]}"; do short+=(--set "stages.$stage.steps=$steps"); done
    srgan train "$pack/photos" --out "$probe/run" "${common[@]}" "${short[@]}"
    settings=()
    for stage in "${stages[@]}"; do
        rate=$(grep -E " $stage [0-9]+/" "$probe/run/log.txt" | tail -1 | grep -oE "[0-9.]+ it/s" | cut -d' ' -f1)
        share=$(python -c "print(1 if ${#stages[@]} == 1 else ${FIRST:-0.4} if '$stage' == '${stages[0]}' else 1 - ${FIRST:-0.4})")
        settings+=(--set "stages.$stage.steps=$(python -c "print(max(int($minutes * 60 * $share * $rate * 0.95), 2))")")
        echo "$stage: $rate steps a second, ${settings[-1]}"
    done
    rm -rf "$probe"
    srgan train "$pack/photos" --out "$out/run" "${common[@]}" "${settings[@]}"
    cp "$out"/run/*.onnx "$out"/run/*.md "$out/run/log.txt" "$out/run/recipe.toml" "$out"
    cp -r "$out/run/results" "$out"
    rm -rf "$out/run"
}

case ${1:-} in
    pack) pack "${@:2}" ;;
    train) train "${@:2}" ;;
    *) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
