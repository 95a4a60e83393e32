"""Steps a second of our training against the loop that one would write oneself, on the same pictures, machine and networks.

    python benchmarks/training.py [PHOTOS] [--steps 20] [--rounds 2] [--threads 1] [--small]
    python benchmarks/training.py PHOTOS --device cuda --batch 16 --steps 200 --warmup 20 --workers 6

The plain loop is that of the well-known scripts: fp32, NCHW, pictures decoded for every crop, and in stage 2 the generator run
twice a step (once for the discriminator, once for itself), VGG's features of the photographs and the discriminator's weights
with gradients that nobody needs. Ours is ``srgan.training`` as ``srgan train`` calls it. Both train the paper's networks with
Adam and the same losses; each runs in a process of its own, one after the other.

Printed for both: processor seconds and wall-clock seconds a step (with ``--threads 1`` the first is the one to trust on a
machine that does other things as well), peak memory, and the L1 error on the same held-out crops at the end, which must be
alike. For ours also where the time goes. With ``--device cuda`` the seconds by the clock count, and the memory is the GPU's;
crops are drawn by so many workers in both. VGG16 has random weights here: they cost what trained ones cost.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CONTENT = {"weight": 1.0, "network": "vgg16", "kind": "l1", "layers": {"conv5_3": 1.0}, "scaling": "relative"}
STAGES: dict[str, dict[str, Any]] = {
    "stage 1": {"pixel": {"kind": "l1", "weight": 1.0}},
    "stage 2": {"pixel": {"kind": "l1", "weight": 1.0}, "content": CONTENT, "adversarial": {"weight": 1e-3}},
}


def recipe_of(options: argparse.Namespace, stage: str) -> Any:
    from srgan.training.recipe import parse_recipe

    size = {"features": 16, "blocks": 2} if options.small else {}
    problems: list[str] = []
    steps = {"steps": options.warmup + options.steps, "schedule": "constant", "ema": 0.999}
    recipe = parse_recipe(
        {
            "generator": size,
            "discriminator": {"features": 8, "dense": 32} if options.small else {},
            "stages": {"one": {"batch": options.batch, "crop": 96, "rate": 1e-4, **steps, **STAGES[stage]}},
        },
        problems,
    )
    assert recipe is not None
    assert not problems
    return recipe


def ours(options: argparse.Namespace, stage: str, folder: Path) -> dict[str, Any]:
    import torch
    from lightning_fabric import Fabric

    from srgan.training.batches import batches
    from srgan.training.data import CropDataset
    from srgan.training.device import fabric_precision
    from srgan.training.pictures import prepare
    from srgan.training.stages import Trainer

    recipe = recipe_of(options, stage)
    settings = recipe.stages["one"]
    fabric = Fabric(accelerator=options.device, devices=1, precision=fabric_precision(recipe, options.device))
    torch.backends.cudnn.benchmark = True
    fabric.seed_everything(1, verbose=False)
    files = sorted(options.photos.iterdir())
    pictures = prepare(files, folder / "cache", scale=4, bands=3, smallest=96, degradation="bicubic")
    dataset = CropDataset(pictures, crop=96, scale=4, seed=1, flips=True)
    source = batches(
        dataset,
        first_step=0,
        steps=settings.steps,
        batch=settings.batch,
        workers=options.workers,
        pinned=options.device == "cuda",
    )
    trainer = Trainer(recipe, settings, fabric, folder / "vgg16.safetensors")
    trainer.generator.run.train()
    trainer.record()
    clock = Clock(options.warmup, options.device)
    for number, batch in enumerate(source):
        trainer.step(batch.lr, batch.hr, number)
        clock.tick()
    found = clock.result()
    measured = torch.profiler.ProfilerActivity.CUDA if options.device == "cuda" else torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[measured]) as profile:
        lr, hr = zip(*(dataset[i] for i in range(settings.batch)), strict=True)
        trainer.step(torch.stack(lr), torch.stack(hr), settings.steps - 1)
        clock.wait()
    taken = "self_device_time_total" if options.device == "cuda" else "self_cpu_time_total"
    events = sorted(profile.key_averages(), key=lambda event: -getattr(event, taken))
    total = sum(getattr(event, taken) for event in events)
    found["time goes to"] = {event.key[:60]: round(getattr(event, taken) / total, 3) for event in events[:6]}
    return {**found, "error": held_out(trainer.generator.network, pictures), "precision": fabric._precision.precision}


def plain(options: argparse.Namespace, stage: str, folder: Path) -> dict[str, Any]:
    import torch
    import torch.nn.functional as F
    from torch import nn

    from srgan.networks.discriminator import Discriminator, DiscriminatorConfig
    from srgan.networks.generator import Generator, GeneratorConfig
    from srgan.networks.vgg import load_vgg
    from srgan.resize.imresize import downscale
    from srgan.training.pictures import prepare

    recipe = recipe_of(options, stage)
    settings = recipe.stages["one"]
    torch.manual_seed(1)
    generator = Generator(GeneratorConfig(**vars(recipe.generator))).to(options.device)
    discriminator = Discriminator(DiscriminatorConfig(**vars(recipe.discriminator))).to(options.device)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-4)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-4)
    entropy = nn.BCEWithLogitsLoss()
    vgg = None
    if "content" in STAGES[stage]:
        vgg = load_vgg("vgg16", ["conv5_3"], folder / "vgg16.safetensors").to(options.device)
    files = sorted(options.photos.iterdir())

    class Crops(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return settings.steps * settings.batch

        def __getitem__(self, index: int) -> Any:
            random = np.random.default_rng(index)
            hr = np.asarray(Image.open(files[random.integers(len(files))]).convert("RGB"))
            top, left = (int(random.integers(side - 96 + 1)) for side in hr.shape[:2])
            hr = np.rot90(hr[top : top + 96, left : left + 96], random.integers(4)).copy()
            return tuple(torch.from_numpy(x).permute(2, 0, 1).float() / 255 for x in (downscale(hr, 4), hr))

    clock = Clock(options.warmup, options.device)
    loader = torch.utils.data.DataLoader(Crops(), batch_size=settings.batch, num_workers=options.workers)
    for batch in loader:
        lr, hr = (x.to(options.device) for x in batch)
        if vgg is not None:
            real, fake = discriminator(hr), discriminator(generator(lr).detach())
            d_loss = entropy(real, torch.ones_like(real)) + entropy(fake, torch.zeros_like(fake))
            d_optimizer.zero_grad()
            d_loss.backward()
            d_optimizer.step()
        sr = generator(lr)
        loss = F.l1_loss(sr, hr)
        if vgg is not None:
            judged, wanted = discriminator(sr), vgg(hr)["conv5_3"]
            loss = loss + F.l1_loss(vgg(sr)["conv5_3"], wanted) / wanted.abs().mean()
            loss = loss + 1e-3 * entropy(judged, torch.ones_like(judged))
        g_optimizer.zero_grad()
        loss.backward()
        g_optimizer.step()
        clock.tick()
    pictures = prepare(files, folder / "cache", scale=4, bands=3, smallest=96, degradation="bicubic")
    return {**clock.result(), "error": held_out(generator, pictures), "precision": "32-true"}


class Clock:
    """Times the steps after the first ``warmup``."""

    def __init__(self, warmup: int, device: str) -> None:
        self.warmup, self.steps, self.device = warmup, 0, device
        self.start()

    def wait(self) -> None:
        """Let the GPU end what it was given."""
        import torch

        if self.device == "cuda":
            torch.cuda.synchronize()

    def start(self) -> None:
        """Begin to count."""
        self.wait()
        self.wall, self.processor = time.perf_counter(), time.process_time()

    def tick(self) -> None:
        """End a step."""
        self.steps += 1
        if self.steps == self.warmup:
            self.start()

    def result(self) -> dict[str, Any]:
        """Return seconds a step, by the clock and of the processor, and the peak memory in bytes so far."""
        import torch

        self.wait()
        steps = self.steps - self.warmup
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            "wall": (time.perf_counter() - self.wall) / steps,
            "processor": (time.process_time() - self.processor) / steps,
            "memory": torch.cuda.max_memory_reserved() if self.device == "cuda" else resident,
        }


def held_out(generator: Any, pictures: Any) -> float:
    """Return the L1 error on crops that training has not drawn, in evaluation mode but with the batch's own statistics."""
    import torch

    from srgan.training.data import CropDataset

    crops = CropDataset(pictures, crop=96, scale=4, seed=2, flips=False)
    lr, hr = (torch.stack(x).float() / 255 for x in zip(*(crops[i] for i in range(16)), strict=True))
    generator.cpu().train()  # after so few steps BatchNorm's running statistics are far behind
    with torch.no_grad():
        return float((generator(lr) - hr).abs().mean())


def measure(options: argparse.Namespace, which: str, stage: str, folder: Path) -> dict[str, Any]:
    """Run one of the loops in a process of its own, for its peak memory."""
    arguments = [
        str(options.photos),
        f"--steps={options.steps}",
        f"--warmup={options.warmup}",
        f"--batch={options.batch}",
        f"--device={options.device}",
        f"--workers={options.workers}",
    ]
    arguments += [f"--threads={options.threads}", *(["--small"] if options.small else [])]
    command = [sys.executable, __file__, *arguments, "--only", which, stage, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def make_photos(folder: Path) -> Path:
    random = np.random.default_rng(0)
    folder.mkdir()
    for number in range(8):
        small = Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8))
        small.resize((512, 512), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "photos", type=Path, nargs="?", help="folder of pictures without subfolders; default: synthetic"
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=2, help="first steps, which are not timed")
    parser.add_argument("--rounds", type=int, default=2, help="the fastest one counts")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--workers", type=int, default=0, help="processes that draw the crops")
    parser.add_argument("--small", action="store_true", help="tiny networks, to see that the script works")
    parser.add_argument("--only", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    if options.only:
        which, stage, folder = options.only
        print(json.dumps({"ours": ours, "plain": plain}[which](options, stage, Path(folder))))
        return
    from safetensors.torch import save_file

    from srgan.networks.vgg import VGGFeatures

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        options.photos = options.photos or make_photos(folder / "photos")
        save_file(dict(VGGFeatures("vgg16", ["conv5_3"]).state_dict()), folder / "vgg16.safetensors")
        print("| | loop | precision | processor s a step | wall s a step | peak memory, MB | L1 at the end |")
        print("|---|---|---|---|---|---|---|")
        for stage in STAGES:
            best: dict[str, dict[str, Any]] = {}
            for _ in range(options.rounds):
                for which in ("plain", "ours"):
                    found = measure(options, which, stage, folder)
                    key = "wall" if options.device == "cuda" else "processor"
                    if which not in best or found[key] < best[which][key]:
                        best[which] = found
            for which, row in best.items():
                times = f"{row['processor']:.3f} | {row['wall']:.3f} | {row['memory'] / 1e6:.0f}"
                print(f"| {stage} | {which} | {row['precision']} | {times} | {row['error']:.4f} |", flush=True)
            ratios = [best["plain"][key] / best["ours"][key] for key in ("processor", "wall")]
            print(f"\n{stage}: {ratios[0]:.2f} times as fast by processor time, {ratios[1]:.2f} by the clock")
            print(
                "where the time goes:", ", ".join(f"{k} {v:.0%}" for k, v in best["ours"]["time goes to"].items()), "\n"
            )


if __name__ == "__main__":
    main()
