"""How large must a network be to be robust? Small networks of any size, trained adversarially, one at a time.

Madry et al. (2018, Fig. 4) train convolutional networks of scale s on MNIST against perturbations of at most ε of every
pixel; their robust accuracy against their number of parameters is where seed 004 reads off P ≈ 10⁶. Training minimises

    mean over images of  max over ‖x' − x‖∞ ≤ r, x' in [0, 1],  of the cross-entropy of f(x'),

the maximum approached by projected gradient ascent (PGD) from a random point of the ball. The radius r is ε throughout
(`ramp` 0, the published recipe), or rises to it linearly over the first share `ramp` of the steps: a small network that
meets ε at once may fall for the constant answer, and then a lack of training looks like a lack of capacity. ε = 0 is
clean training.

A network is trained alone: its start, its batches and the starts of its attacks are functions of (seed, purpose, step),
so no result depends on what else is trained. Convolutions are computed at a quarter of the places with four times the
channels (`_blocks`): on one CPU core a pass was so 3.9, 2.2 and 1.0 times as fast at s = 1, 2, 4 (batches of 50).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from almostnothing import health, streams
from almostnothing.optimisers import BETA1, BETA2, adam

CNN, MLP = "cnn", "mlp"
KERNEL = 5  # pixels a side of a convolution
POOLED = 2  # pixels a side of a pool
OVERSHOOT = 2.5  # radii that all steps of an attack are long together: from any start they reach every point of a ball
BLOCKS = 100  # of steps, of which the mean loss is kept
ONE_CLASS = 0.98  # share of one class among the answers to balanced images from which the answer is constant: dead
NO_BETTER = 0.99  # of ln(classes), the loss of a constant answer, from which training has found nothing better: dead
EACH = 250  # images that are attacked at once in an evaluation

Images = Float[Tensor, "image channel height width"]
Labels = Int[Tensor, " image"]
Flat = Float[Tensor, " parameter"]


@dataclass(frozen=True)
class Network:
    """An architecture: `kind` "cnn" of scale s, or "mlp" of one hidden layer of width w (`size` is s or w).

    A cnn is conv5×5(2s)–ReLU–pool2–conv5×5(4s)–ReLU–pool2–dense(64s)–ReLU–dense(classes), convolutions padded to keep
    the side, pools taking the maximum and leaving out the last row of an odd side. `shape`: (channel, height, width).

    Raises `ValueError` for an unknown kind, a size below 1 and, of a cnn, sides below 4 pixels.
    """

    kind: str
    size: int
    shape: tuple[int, int, int]
    classes: int

    def __post_init__(self) -> None:
        if self.kind not in (CNN, MLP):
            raise ValueError(f"no architecture is called {self.kind!r}: known are {CNN}, {MLP}")
        if self.size < 1:
            raise ValueError(f"a network of size {self.size} has no units: sizes start at 1")
        if self.kind == CNN and min(self.shape[1:]) < POOLED**2:
            raise ValueError(f"images of {self.shape[1]}×{self.shape[2]} pixels are gone after two pools: use an mlp")

    def weights(self) -> list[tuple[int, ...]]:
        """Shapes of the layers' weights, each (out, in, …); every layer has a bias of (out,) as well."""
        channels, height, width = self.shape
        if self.kind == MLP:
            return [(self.size, channels * height * width), (self.classes, self.size)]
        first, second, units = 2 * self.size, 4 * self.size, 64 * self.size
        left = second * (height // POOLED**2) * (width // POOLED**2)
        kernels = [(first, channels, KERNEL, KERNEL), (second, first, KERNEL, KERNEL)]
        return [*kernels, (units, left), (self.classes, units)]

    @property
    def parameters(self) -> int:
        """P, weights and biases: 13,514, 52,506, 206,954, 821,706 and 3,274,634 at s = 1, 2, 4, 8, 16 on MNIST."""
        return sum(math.prod(shape) + shape[0] for shape in self.weights())

    def parts(self, flat: Flat) -> list[Tensor]:
        """Weights and bias of each layer, in turn, as views of all parameters in one."""
        shapes = [each for shape in self.weights() for each in (shape, shape[:1])]
        return [
            part.view(shape)
            for part, shape in zip(flat.split([math.prod(shape) for shape in shapes]), shapes, strict=True)
        ]

    def drawn(self, seed: int) -> Flat:
        """A start: weights N(0, 2/in), in the number of inputs of a unit (He et al. 2015), and biases 0."""
        key = streams.stream_key(seed, "capacity start", self.kind, self.size, list(self.shape), self.classes)
        flat = torch.from_numpy(streams.normals(key, self.parameters)).float()
        parts = self.parts(flat)
        for weight, bias in zip(parts[::2], parts[1::2], strict=True):
            weight.mul_(math.sqrt(2 / math.prod(weight.shape[1:])))
            bias.zero_()
        return flat

    def prepared(self, flat: Flat) -> list[Tensor]:
        """The parts as `logits` takes them: kernels are rearranged once for many images."""
        parts = self.parts(flat)
        if self.kind == CNN:
            parts[0], parts[2] = _blocks(parts[0]), _blocks(parts[2])
        return parts

    def logits(self, parts: list[Tensor], x: Images) -> Float[Tensor, "image label"]:
        """f(x), of what `prepared` makes."""
        if self.kind == CNN:
            x = _pooled(_pooled(x, *parts[:2]), *parts[2:4])
        hidden = torch.relu(functional.linear(x.flatten(1), *parts[-4:-2]))
        return functional.linear(hidden, *parts[-2:])


def _blocks(kernel: Float[Tensor, "out in 5 5"]) -> Float[Tensor, "four_out four_in 3 3"]:
    """The kernel on blocks of 2×2 pixels: what it makes of the four places of a pool, from 3×3 blocks."""
    out, into = kernel.shape[:2]
    moved = [functional.pad(kernel, (right, 1 - right, down, 1 - down)) for down in (0, 1) for right in (0, 1)]
    each = torch.stack(moved).view(4, out, into, 3, POOLED, 3, POOLED)
    return each.permute(0, 1, 4, 6, 2, 3, 5).reshape(4 * out, 4 * into, 3, 3)


def _pooled(
    x: Images, blocks: Float[Tensor, "four_out four_in 3 3"], bias: Float[Tensor, " out"]
) -> Float[Tensor, "image out half_height half_width"]:
    """pool2(ReLU(conv5×5(x))), of the kernel's `_blocks`."""
    count, channels, height, width = x.shape
    down, right, edge = height // POOLED, width // POOLED, KERNEL // 2
    x = functional.pad(x, (edge, POOLED * right + edge - width, edge, POOLED * down + edge - height))
    x = x.view(count, channels, down + edge, POOLED, right + edge, POOLED).permute(0, 3, 5, 1, 2, 4)
    made = functional.conv2d(x.reshape(count, -1, down + edge, right + edge), blocks)
    return torch.relu(made.view(count, 4, -1, down, right).amax(1) + bias[:, None, None])


class Recipe(NamedTuple):
    """How a network is trained: ε, steps of PGD, share of the steps over which the radius rises, Adam's rate, which
    falls as a cosine to 0, steps, images of a batch.
    """

    radius: float
    attack_steps: int
    ramp: float
    rate: float
    steps: int
    batch: int

    def reached(self, step: int) -> float:
        """The radius at a step, counted from 0."""
        rising = self.ramp * self.steps
        return self.radius * min(1.0, (step + 1) / rising) if rising >= 1 else self.radius


class Trained(NamedTuple):
    """Parameters at the end, and the mean training loss, under attack, of each block of steps."""

    flat: Flat
    course: list[float]


def trained(network: Network, x: Images, labels: Labels, how: Recipe, seed: int) -> Trained:
    """A network trained on images in [0, 1], on their device, in float32.

    Every epoch takes the images in an order of its own. An epoch's last images and the next one's first share a batch.

    Raises `ValueError` for images outside [0, 1], of another shape than the network's, or fewer than a batch.
    """
    if tuple(x.shape[1:]) != network.shape or len(x) < how.batch or not (0 <= float(x.min()) <= float(x.max()) <= 1):
        raise ValueError(
            f"{len(x)} images of {tuple(x.shape[1:])} are not {how.batch} or more of {network.shape} in [0, 1]"
        )
    flat = network.drawn(seed).to(x.device).requires_grad_()
    moments = [torch.zeros_like(flat)[None, None] for _ in range(2)]
    order = _order(streams.stream_key(seed, "capacity order"), len(x), how.steps * how.batch).to(x.device)
    start = streams.stream_key(seed, "capacity training attack")
    rows = torch.arange(how.batch, device=x.device)
    losses = x.new_zeros(how.steps)
    for step in range(how.steps):
        where, radius = order[step * how.batch : (step + 1) * how.batch], how.reached(step)
        image, own = x[where], labels[where]
        parts = network.prepared(flat)
        if radius:
            fixed, moved = [part.detach() for part in parts], _start(start, rows + step * how.batch, image, radius)
            for _ in range(how.attack_steps):
                uphill = _uphill(network, fixed, moved, own)
                moved = stepped(moved, uphill, image, radius, how.attack_steps)
            image = moved
        loss = functional.cross_entropy(network.logits(parts, image), own)
        losses[step] = loss.detach()
        (gradient,) = torch.autograd.grad(loss, flat)
        rate = how.rate * (1 + math.cos(math.pi * step / how.steps)) / 2 / (1 - BETA1 ** (step + 1))
        root = 1 / math.sqrt(1 - BETA2 ** (step + 1))
        with torch.no_grad():
            adam([flat[None, None]], [gradient[None, None]], moments, flat.new_tensor([rate]), flat.new_tensor([root]))
    course = [float(block.mean()) for block in losses.double().tensor_split(min(BLOCKS, how.steps))]
    return Trained(flat.detach(), course)


def _order(key: np.ndarray, images: int, count: int) -> Int[Tensor, " count"]:
    """The first `count` of one random order of all images after another."""
    epochs = np.arange(math.ceil(count / images))
    return torch.from_numpy(streams.permutation(key, images, row=epochs).reshape(-1)[:count])


def _start(key: np.ndarray, rows: Int[Tensor, " image"], x: Images, radius: float) -> Images:
    """Random points of the images' balls, uniform, then brought back to [0, 1]: each image has a row of the stream."""
    pixels = x[0].numel()
    half = torch.arange((pixels + 1) // 2, dtype=torch.int32, device=x.device)
    first, second = torch.from_numpy(key).to(x.device)
    words = torch.cat(streams.threefry2x32((first, second), (rows[:, None].to(torch.int32), half)), 1)[:, :pixels]
    return (x + radius * (2 * streams.open_floats(words).view_as(x) - 1)).clamp(0, 1)


def _uphill(network: Network, parts: list[Tensor], x: Images, labels: Labels) -> Images:
    """The gradient of the summed cross-entropy with respect to the images."""
    own = x.detach().requires_grad_()
    loss = functional.cross_entropy(network.logits(parts, own), labels, reduction="sum")
    return torch.autograd.grad(loss, own)[0]


def stepped(moved: Images, uphill: Images, x: Images, radius: float, steps: int) -> Images:
    """One of `steps` steps of PGD: `OVERSHOOT` ε/steps along the gradient's sign, then back into the ball and [0, 1].

    That length (Madry et al. 2018) goes with any ε and any number of steps; the .01 of their training on
    MNIST goes with ε = .3 and 40 steps alone. A single step of 2.5 ε would end in a corner from wherever it starts: of
    one step the length is 1.25 ε (Wong, Rice and Kolter 2020).
    """
    size = radius * (OVERSHOOT / steps if steps > 1 else OVERSHOOT / 2)
    moved = moved + size * uphill.sign()
    return torch.minimum(torch.maximum(moved, x - radius), x + radius).clamp(0, 1)


class Attack(NamedTuple):
    """How a trained network is attacked: ε, steps of PGD, random starts."""

    radius: float
    attack_steps: int
    restarts: int


@torch.no_grad()
def answers(network: Network, flat: Flat, x: Images) -> Int[Tensor, " image"]:
    """The class that a network takes each image for."""
    parts = network.prepared(flat)
    return torch.cat([network.logits(parts, some).argmax(1) for some in x.split(EACH)])


def withstood(
    network: Network, flat: Flat, x: Images, labels: Labels, attack: Attack, seed: int
) -> Bool[Tensor, " image"]:
    """Which images are answered as labelled, as they are and at every point that PGD visits from its random starts.

    An upper bound on what is withstood: a stronger attack may find more. ε = 0 is no attack.

    The attack climbs the best other logit less the label's, which has a gradient where the cross-entropy's is rounded
    to 0. An image that fell is attacked no more.
    """
    parts = [part.detach() for part in network.prepared(flat)]
    number = torch.arange(len(x), device=x.device)
    holds = answers(network, flat, x) == labels
    for restart in range(attack.restarts if attack.radius else 0):
        key = streams.stream_key(seed, "capacity test attack", restart)
        if not holds.any():
            break
        for some in number[holds].split(EACH):
            start = _start(key, some, x[some], attack.radius)
            holds[some] = _holds(network, parts, x[some], labels[some], attack, start)
    return holds


def _holds(
    network: Network, parts: list[Tensor], x: Images, labels: Labels, attack: Attack, moved: Images
) -> Bool[Tensor, " image"]:
    """Which images are answered as labelled all along the way that PGD takes from `moved`."""
    holds = torch.ones_like(labels, dtype=torch.bool)
    for _ in range(attack.attack_steps):
        own = moved.detach().requires_grad_()
        logits = network.logits(parts, own)
        right = logits.gather(1, labels[:, None])[:, 0]
        gap = logits.scatter(1, labels[:, None], -torch.inf).amax(1) - right
        holds &= gap < 0
        moved = stepped(moved, torch.autograd.grad(gap.sum(), own)[0], x, attack.radius, attack.attack_steps)
    return holds & (network.logits(parts, moved).argmax(1) == labels).detach()


class Seen(NamedTuple):
    """What became of a network. Accuracies are shares of images: clean and robust, on training and on test images.

    `modal`: the share of the most frequent class among its answers to clean training images; `falling`, see
    `health.falling`, of the training loss under attack, its whole fall taken from ln(classes), the loss of a constant
    answer; `loss`: the last of its course; `status` in the words of `health`.
    """

    status: str
    train_clean: float
    train_robust: float
    test_clean: float
    test_robust: float
    modal: float
    falling: float
    loss: float


def seen(
    network: Network,
    found: Trained,
    train: tuple[Float[Tensor, "train channel height width"], Int[Tensor, " train"]],
    test: tuple[Float[Tensor, "test channel height width"], Int[Tensor, " test"]],
    attack: Attack,
    seed: int,
) -> Seen:
    """What became of a network, on training and on test images (both balanced over the classes).

    `diverged`: parameters or losses are not finite; `dead`: at least `ONE_CLASS` of the training images get one answer,
    or the loss under attack ends at `NO_BETTER` of a constant answer's or above, whatever answers rounding then gives;
    `unfinished`: the loss still falls, by more than `health.FALLING` of its whole fall; `learned`: none of these. A
    robust accuracy at chance is a result of a network that learned, and none of one that is dead.
    """
    finite = bool(torch.isfinite(found.flat).all()) and bool(np.isfinite(found.course).all())
    if not finite:
        return Seen(health.DIVERGED, *[math.nan] * 7)
    answer = answers(network, found.flat, train[0])
    modal = float(answer.bincount().max()) / len(answer)
    falling = health.falling([math.log(network.classes), *found.course])
    constant = modal >= ONE_CLASS or found.course[-1] >= NO_BETTER * math.log(network.classes)
    status = health.DEAD if constant else health.UNFINISHED if falling > health.FALLING else health.LEARNED
    robust = [float(withstood(network, found.flat, *each, attack, seed).double().mean()) for each in (train, test)]
    clean = [float((answers(network, found.flat, x) == labels).double().mean()) for x, labels in (train, test)]
    return Seen(status, clean[0], robust[0], clean[1], robust[1], modal, falling, found.course[-1])
