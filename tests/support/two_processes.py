"""Two processes that are connected as those of a training are."""

import multiprocessing

import torch
import torch.distributed as dist


def in_two_processes(function, folder, *arguments):
    """Call ``function(rank, folder, *arguments)`` in two connected processes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["srgan.training.run", "torch.utils.tensorboard"])
    address = f"file://{folder / 'meeting'}"
    processes = [
        context.Process(target=_connected, args=(function, rank, address, folder, *arguments)) for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0


def _connected(function, rank, address, folder, *arguments):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    function(rank, folder, *arguments)
    dist.destroy_process_group()
