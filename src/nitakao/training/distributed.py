"""The processes and devices that one training runs on: one, or as many as torchrun started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import nn

from nitakao.errors import DeviceError, TrainingError

PATIENCE = timedelta(hours=12)  # that others wait while the first cuts a large data set's faces


@dataclass(frozen=True)
class World:
    """rank: this process, 0 and up.  size: how many there are.  device: what this one computes on."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process does what only one may: writing, judging, talking."""
        return self.rank == 0

    def agreed(self, value: Any) -> Any:
        """The first process's value, in all of them."""
        if self.size == 1:
            return value
        told = [value]
        torch.distributed.broadcast_object_list(told, src=0, device=self.device)
        return told[0]

    def shared(self, module: nn.Module) -> nn.Module:
        """The module with its gradients averaged over the processes."""
        if self.size == 1:
            return module
        on = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=on)

    def alone(self, module: nn.Module) -> Any:
        """A block in which gradients are not yet averaged, as more are to be added up."""
        return module.no_sync() if self.size > 1 else nullcontext()

    def autocast(self, precision: str) -> Any:
        """A block in which the network computes with 16 bits where the precision says so."""
        if precision == "auto":
            precision = "bf16" if self.device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
        if precision == "fp32":
            return nullcontext()
        if precision == "fp16" and self.device.type != "cuda":
            raise DeviceError("half precision (fp16) trains on a GPU only: use --precision bf16 or fp32")
        return torch.autocast(self.device.type, torch.bfloat16 if precision == "bf16" else torch.float16)


@contextmanager
def entered(device: str = "auto") -> Iterator[World]:
    """The world that this process is part of. device: 'cpu', 'cuda', or 'auto' for a GPU where there is one."""
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise DeviceError("CUDA was asked for, but this PyTorch finds no GPU: use --device cpu")
    wanted = "cuda" if device == "cuda" or (device == "auto" and cuda) else "cpu"
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(0, 1, torch.device(wanted))
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if wanted == "cuda":
        if local >= torch.cuda.device_count():
            raise DeviceError(f"torchrun started process {local} here, and there are {torch.cuda.device_count()} GPUs")
        torch.cuda.set_device(local)
    try:
        torch.distributed.init_process_group("nccl" if wanted == "cuda" else "gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"the processes do not find each other: {str(error).splitlines()[0][:200]}") from error
    try:
        yield World(torch.distributed.get_rank(), size, torch.device(f"cuda:{local}" if wanted == "cuda" else "cpu"))
    finally:
        torch.distributed.destroy_process_group()
