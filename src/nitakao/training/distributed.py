"""The processes and devices of a training: one process, or as many as torchrun started."""

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

TIMEOUT = timedelta(hours=12)  # the others wait while the first process crops a large data set


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a training.

    Attributes:
        rank: Number of this process, from 0.
        size: Number of processes.
        device: Where this process computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes, validates and reports."""
        return self.rank == 0

    def broadcast(self, value: Any) -> Any:
        """The first process's value, in all processes."""
        if self.size == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0, device=self.device)
        return values[0]

    def parallel(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over processes."""
        if self.size == 1:
            return module
        ids = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=ids)

    def no_sync(self, module: nn.Module) -> Any:
        """A context in which gradients accumulate without being averaged."""
        return module.no_sync() if self.size > 1 else nullcontext()

    def autocast(self, precision: str) -> Any:
        """A context in which the network computes in this precision, one of PRECISIONS."""
        if precision == "auto":
            precision = "bf16" if self.device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
        if precision == "fp32":
            return nullcontext()
        if precision == "fp16" and self.device.type != "cuda":
            raise DeviceError("half precision (fp16) trains on a GPU only: use --precision bf16 or fp32")
        return torch.autocast(self.device.type, torch.bfloat16 if precision == "bf16" else torch.float16)


@contextmanager
def join_group(device: str = "auto") -> Iterator[ProcessGroup]:
    """Join the processes of this training. device: 'cpu', 'cuda', or 'auto' for a GPU if there is one."""
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise DeviceError("CUDA was asked for, but this PyTorch finds no GPU: use --device cpu")
    kind = "cuda" if device == "cuda" or (device == "auto" and cuda) else "cpu"
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup(0, 1, torch.device(kind))
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if kind == "cuda":
        if local >= torch.cuda.device_count():
            raise DeviceError(f"torchrun started process {local}, but there are {torch.cuda.device_count()} GPUs")
        torch.cuda.set_device(local)
    try:
        torch.distributed.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"the processes cannot connect: {str(error).splitlines()[0][:200]}") from error
    try:
        rank = torch.distributed.get_rank()
        yield ProcessGroup(rank, size, torch.device(f"cuda:{local}" if kind == "cuda" else "cpu"))
    finally:
        torch.distributed.destroy_process_group()
