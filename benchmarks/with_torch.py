"""The cases in PyTorch: eager, and the step compiled."""

import torch

from benchmarks import cases

VERSION = f"torch {torch.__version__}"


def _laplacian(f):
    return (
        torch.roll(f, 1, 1)
        + torch.roll(f, -1, 1)
        + torch.roll(f, 1, 2)
        + torch.roll(f, -1, 2)
        - 4.0 * f
    )


def _step(u, v, diffusivity_u, diffusivity_v, feed, kill):
    uvv = u * v * v
    return (
        u + diffusivity_u * _laplacian(u) - uvv + feed * (1.0 - u),
        v + diffusivity_v * _laplacian(v) + uvv - (feed + kill) * v,
    )


def variants(case: cases.Case) -> dict:
    """name -> function of no arguments that does the work and returns numbers."""
    if case.model != "gray_scott":
        return {}
    return {
        "eager": _work(case, _step),
        "compiled": _work(case, torch.compile(_step)),
    }


def _work(case, step):
    start = [torch.from_numpy(field) for field in cases.initial_state(case)]
    params = [
        torch.tensor(p, dtype=torch.float64, requires_grad=case.gradient)
        for p in case.params.values()
    ]

    def forward():
        u, v = start
        for _ in range(case.num_steps):
            u, v = step(u, v, *params)
        return (v**2).mean()

    def gradient():
        loss = forward()
        gradients = torch.autograd.grad(loss, params)
        return torch.stack([loss.detach(), *gradients]).numpy()

    return gradient if case.gradient else lambda: forward().numpy()
