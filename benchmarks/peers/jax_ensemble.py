"""The ensemble that an expert would write in JAX: `jit(vmap(step))` over networks, scanned over steps, one thread.

Run by `benchmarks/training.py --jax PYTHON`, PYTHON being that of an environment of its own with one of

    pip install "jax==0.10.2"
    pip install "jax==0.4.23" "jaxlib==0.4.23" "numpy<2" "scipy<1.13"

It reads works as JSON, a line each, answers when one is compiled, then runs it at each further line and answers with
the seconds that it took.
"""

import json
import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax  # type: ignore[import-not-found]
import jax.numpy as jnp  # type: ignore[import-not-found]

tree_map = jax.tree_util.tree_map


def forward(work, parts, x):
    """Logits of one network."""
    if work["family"] == "cnn":
        side = work["side"]
        x = x.reshape(-1, 1, side, side)
        for kernel, bias in parts[:-1]:
            x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
            x = jax.nn.relu(x + bias[:, None, None])
            if side % 2 == 0 and side > 4:
                side //= 2
                x = x.reshape(*x.shape[:2], side, 2, side, 2).mean((3, 5))
        x = x.reshape(len(x), -1)
    else:
        for weight, bias in parts[:-1]:
            x = jax.nn.relu(x @ weight + bias)
    return x @ parts[-1][0] + parts[-1][1]


def initial(work, key):
    """Weights and biases of one network: He's."""
    keys = jax.random.split(key, len(work["weights"]))
    return [
        (jax.random.normal(k, shape) * jnp.sqrt(2 / fan_in), jnp.zeros(shape[0] if len(shape) == 4 else shape[1]))
        for k, (shape, fan_in) in zip(keys, work["weights"], strict=True)
    ]


def block(work):
    """A function that takes a block of steps, and what it begins with."""
    size, batch, slots, pixels = work["train_size"], work["batch"], work["slots"], work["side"] ** 2
    images = jax.random.randint(jax.random.PRNGKey(0), (size, pixels), 0, 256).astype(jnp.uint8)
    labels = jnp.arange(size) % 10
    stored = jax.random.uniform(jax.random.PRNGKey(2), (slots, size, pixels)) if work["corruption"] == "fixed" else None

    def loss(parts, x, y):
        logits = jax.nn.log_softmax(forward(work, parts, x))
        return -jnp.mean(jnp.take_along_axis(logits, y[:, None], 1))

    def step(state, at, key, strength, order, own):
        parts, first, second = state
        index = jax.lax.dynamic_slice(order, ((at % (size // batch)) * batch,), (batch,))
        if own is not None:
            x = own[index]
        else:  # one draw a pixel serves mask and value
            u = jax.random.uniform(jax.random.fold_in(key, at), (batch, pixels))
            x = jnp.where(u < strength, u / strength, images[index].astype(jnp.float32) / 255)
        value, gradients = jax.value_and_grad(loss)(parts, x, labels[index])
        first = tree_map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        t = at + 1.0
        rate, root = 1e-3 / (1 - 0.9**t), 1 / jnp.sqrt(1 - 0.999**t)
        parts = tree_map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) * root + 1e-8), parts, first, second)
        return (parts, first, second), value

    shared = work["corruption"] == "shared"
    keys = jax.random.split(jax.random.PRNGKey(1), 1 if shared else slots)
    orders = jax.vmap(lambda key: jax.random.permutation(key, size))(keys)
    if shared:  # a key without an axis is drawn from once
        keys, orders, axes = keys[0], orders[0], (0, None, None, 0, None, None)
    else:
        axes = (0, None, 0, 0, 0, None if stored is None else 0)
    strengths = jnp.linspace(0.1, 0.99, slots)
    every = jax.vmap(step, in_axes=axes)

    @jax.jit
    def run(state, start):
        return jax.lax.scan(
            lambda s, at: every(s, at, keys, strengths, orders, stored), state, start + jnp.arange(work["steps"])
        )

    parts = jax.vmap(lambda key: initial(work, key))(jax.random.split(jax.random.PRNGKey(3), slots))
    zeros = tree_map(jnp.zeros_like, parts)
    return run, (parts, zeros, zeros)


def evaluation(work):
    """A function that corrupts and classifies all test images once, and what it begins with."""
    count, pixels, slots = work["steps"] * work["batch"], work["side"] ** 2, work["slots"]
    images = jax.random.uniform(jax.random.PRNGKey(0), (count, pixels))
    parts = jax.vmap(lambda key: initial(work, key))(jax.random.split(jax.random.PRNGKey(3), slots))
    keys = jax.random.split(jax.random.PRNGKey(1), slots)

    @jax.jit
    def run(state, start):
        def one(parts, key):
            u = jax.random.uniform(jax.random.fold_in(key, start), (count, pixels))
            return forward(work, parts, jnp.where(u < 0.5, u / 0.5, images))

        return state, jax.vmap(one)(state, keys)

    return run, parts


def main() -> None:
    print(jax.__version__, flush=True)
    for line in sys.stdin:
        work = json.loads(line)
        if work is None:
            return
        run, state = evaluation(work) if work["evaluation"] else block(work)
        state, value = run(state, 0)
        jax.block_until_ready(value)
        print("ready", flush=True)
        start = work["steps"]
        for asked in sys.stdin:
            if asked.strip() == "done":
                break
            begun = time.perf_counter()
            state, value = run(state, start)
            jax.block_until_ready(value)
            print(time.perf_counter() - begun, flush=True)
            start += work["steps"]


if __name__ == "__main__":
    main()
