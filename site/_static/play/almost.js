/* The mathematics of the play pages: random streams, corruption laws, a network, the nearest class mean.
 *
 * Every function here has a twin in Python, which it is tested against (tests/test_play.py): random words are the same
 * to the last bit, so a law makes of an image, a key and a draw the picture that `almostnothing.corruptions` makes.
 * No function touches the page: the file runs in a browser as it runs in node.
 */
"use strict";

(function (root) {
  /* ---- random streams: `almostnothing.streams` ---- */

  const ROTATIONS = [[13, 15, 26, 6], [17, 29, 16, 24]];
  const PARITY = 0x1bd11bda;

  /** Threefry-2x32 with 20 rounds: two random 32-bit words for a key and a counter of two words each. */
  function threefry(key, c0, c1) {
    const schedule = [key[0], key[1], key[0] ^ key[1] ^ PARITY];
    let x0 = (c0 + schedule[0]) | 0;
    let x1 = (c1 + schedule[1]) | 0;
    for (let block = 0; block < 5; block++) {
      for (const by of ROTATIONS[block % 2]) {
        x0 = (x0 + x1) | 0;
        x1 = ((x1 << by) | (x1 >>> (32 - by))) ^ x0;
      }
      x0 = (x0 + schedule[(block + 1) % 3]) | 0;
      x1 = (x1 + schedule[(block + 2) % 3] + block + 1) | 0;
    }
    return [x0, x1];
  }

  /** A word as a number in [0, 1), on a grid of 2^-24. */
  const unit = (word) => (word >>> 8) * 2 ** -24;
  /** A word as a number in (0, 1): the middles of 2^23 cells. */
  const open = (word) => ((word >>> 9) + 0.5) * 2 ** -23;

  /** Two words for each of `count` positions. */
  function pairs(key, draw, count) {
    const first = new Int32Array(count);
    const second = new Int32Array(count);
    for (let i = 0; i < count; i++) [first[i], second[i]] = threefry(key, draw, i);
    return [first, second];
  }

  /** One word for each pixel: a counter's two words serve pixels j and j + ceil(d/2). */
  function words(key, draw, pixels) {
    const half = (pixels + 1) >> 1;
    const [first, second] = pairs(key, draw, half);
    const found = new Int32Array(pixels);
    found.set(first);
    found.set(second.subarray(0, pixels - half), half);
    return found;
  }

  /** A key that no one has seen before. */
  const newKey = () => [(Math.random() * 2 ** 32) | 0, (Math.random() * 2 ** 32) | 0];

  /* ---- corruption laws: `almostnothing.corruptions` ---- */

  const clip = (value) => Math.min(1, Math.max(0, value));

  const CENTRE = [2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503,
    -0.00417768164, 0.246640727, 1.50140941];
  const TAIL = [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
    0.00943887047, 1.00167406, 2.83297682];

  /** The inverse error function at x = 1 - below = above - 1, by Giles' polynomials ("Approximating erfinv", 2011). */
  function inverseErf(x, below, above) {
    const w = -Math.log(below * above);
    const [coefficients, at] = w < 5 ? [CENTRE, w - 2.5] : [TAIL, Math.sqrt(w) - 3];
    return x * coefficients.reduce((sum, c) => sum * at + c);
  }

  /** The standard normal quantile at v in [0, 1]; finite at both ends. */
  function normalQuantile(v) {
    const x = 2 * v - 1;
    const least = Math.exp(-16.6); // of (1 - x)(1 + x): that of the float32 next to 1
    const product = Math.max((1 - x) * (1 + x), least);
    return Math.SQRT2 * inverseErf(x, product, 1);
  }

  /** Each pixel takes a new value with probability p; given that, u/p is uniform and chooses the value. */
  function replacement(newValue) {
    return (x, strength, key, draw) => {
      const p = Math.fround(strength);
      const word = words(key, draw, x.length);
      return x.map((value, i) => {
        const u = unit(word[i]);
        return u < p ? newValue(Math.fround(u / p)) : value;
      });
    };
  }

  /** x + sigma z, z standard normal by Box and Muller: not clipped, as in the published tables. */
  function additive(x, sigma, key, draw) {
    const half = (x.length + 1) >> 1;
    const [first, second] = pairs(key, draw, half);
    return x.map((value, i) => {
      const j = i < half ? i : i - half;
      const radius = Math.sqrt(-2 * Math.log(open(first[j])));
      const angle = 2 * Math.PI * open(second[j]);
      return value + sigma * radius * (i < half ? Math.cos(angle) : Math.sin(angle));
    });
  }

  /** |g| of density ~ exp(-|g|^norm) from a word; its lowest bit is left for the sign. */
  const MAGNITUDES = {
    1: (word) => -Math.log(aboveOf(word)),
    2: (word) => inverseErf(belowOf(word), aboveOf(word), 1 + belowOf(word)),
    Infinity: (word) => (word >>> 1) * 2 ** -31,
  };
  const belowOf = (word) => ((word | 1) >>> 0) * 2 ** -32;
  const aboveOf = (word) => (2 ** 32 - ((word | 1) >>> 0)) * 2 ** -32;

  /** Noise uniform in the ball of radius epsilon of a norm, 1, 2 or Infinity; the sum is clipped to [0, 1].
   *
   * g/(|g|^norm + E)^(1/norm) with E exponential is uniform in the unit ball (Barthe and others, 2005).
   */
  function ball(norm) {
    return (x, epsilon, key, draw) => {
      const word = words(key, draw, x.length);
      const size = Float64Array.from(word, MAGNITUDES[norm]);
      const outside = -Math.log(open(threefry(key, draw, -1)[0]));
      const radius = norm === Infinity ? 1 : (size.reduce((sum, g) => sum + g ** norm, 0) + outside) ** (-1 / norm);
      return x.map((value, i) => clip(value + epsilon * radius * size[i] * (1 - 2 * (word[i] & 1))));
    };
  }

  /** Exactly k pixels take a random grey, k the integer nearest to share x d; what changes stays changed. */
  function exactly(x, share, key, draw) {
    const [first, second] = pairs(key, draw, x.length);
    const order = Array.from(first.keys()).sort((a, b) => (first[a] >>> 0) - (first[b] >>> 0) || a - b);
    const made = Float32Array.from(x);
    const count = Math.min(x.length, Math.round(share * x.length));
    for (const i of order.slice(0, count)) made[i] = (second[i] >>> 24) / 255;
    return made;
  }

  const SHARES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.88, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96,
    0.97, 0.98, 0.985, 0.99, 0.995, 1];
  const steps = (most, count) => Array.from({ length: count + 1 }, (_, i) => (most * i) / count);
  const percent = (share) => `${Number((100 * share).toFixed(share < 0.02 ? 2 : 1))} %`;

  /** Each law: how it is called, its strength, the strengths that a slider offers, the one it starts with. */
  const LAWS = {
    uniform: {
      name: "replace pixels by uniform noise", symbol: "p", stops: SHARES, start: 0.9, apply: replacement((v) => v),
      says: (p) => `each pixel is replaced with probability ${percent(p)} by a random grey`,
    },
    gaussian: {
      name: "replace pixels by Gaussian noise", symbol: "p", stops: SHARES, start: 0.9,
      apply: replacement((v) => clip(0.5 + 0.25 * normalQuantile(v))),
      says: (p) => `each pixel is replaced with probability ${percent(p)} by a grey of mean 0.5 and deviation 0.25, clipped`,
    },
    salt_pepper: {
      name: "replace pixels by black or white (salt and pepper)", symbol: "p", stops: SHARES, start: 0.9,
      apply: replacement((v) => (v >= 0.5 ? 1 : 0)),
      says: (p) => `each pixel is replaced with probability ${percent(p)} by black or white`,
    },
    additive: {
      name: "add Gaussian noise", symbol: "σ", stops: steps(4, 40), start: 1, apply: additive,
      says: (sigma) => `noise of deviation ${Number(sigma.toFixed(2))} is added to each pixel; the picture shows the sum clipped ` +
        "to black and white, network and rule see it unclipped",
    },
    l0: {
      name: "L0: change exactly k pixels", symbol: "k/d", stops: SHARES, start: 0.9, apply: exactly,
      says: (share) => `exactly ${percent(share)} of the pixels take a random grey`,
    },
    l1: {
      name: "L1 ball", symbol: "ε", stops: steps(800, 40), start: 400, apply: ball(1),
      says: (e) => `noise uniform in the L1 ball of radius ${e.toFixed(0)} is added, then clipped to [0, 1]`,
    },
    l2: {
      name: "L2 ball", symbol: "ε", stops: steps(40, 40), start: 20, apply: ball(2),
      says: (e) => `noise uniform in the L2 ball of radius ${e.toFixed(0)} is added, then clipped to [0, 1]`,
    },
    linf: {
      name: "L∞ ball", symbol: "ε", stops: steps(2, 40), start: 1, apply: ball(Infinity),
      says: (e) => `noise uniform between −${e.toFixed(2)} and ${e.toFixed(2)} is added to each pixel, then clipped to [0, 1]`,
    },
  };

  /** An image (values in [0, 1]) under a law. */
  const corrupt = (law, x, strength, key, draw = 0) => LAWS[law].apply(Float64Array.from(x), strength, key, draw);

  /* ---- a bundle: what `almostnothing.site.play.bundles` has packed ---- */

  function bytes(text) {
    const raw = root.atob(text);
    const found = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
    return found;
  }

  const numbers = (text, Kind) => new Kind(bytes(text).buffer);

  /** A layer's weights, (out, in): integers times a scale for each output, rounded to float32 as Python rounds them. */
  function layer(packed) {
    const integers = numbers(packed.weight, Int16Array);
    const inputs = integers.length / packed.bias.length;
    return {
      inputs,
      bias: packed.bias,
      weight: Float32Array.from(integers, (q, i) => q * Math.fround(packed.scale[Math.floor(i / inputs)])),
    };
  }

  /** Images, class means and the network of a bundle, ready to use. */
  function unpack(bundle) {
    const pixels = bundle.shape.reduce((a, b) => a * b);
    const values = numbers(bundle.images, Uint8Array);
    const means = Float32Array.from(numbers(bundle.means, Uint16Array), (k) => k / 65535);
    return {
      ...bundle,
      pixels,
      image: (i) => Float32Array.from(values.subarray(i * pixels, (i + 1) * pixels), (v) => v / bundle.levels),
      means: bundle.names.map((_, c) => means.subarray(c * pixels, (c + 1) * pixels)),
      layers: bundle.network.layers.map(layer),
      shift: bundle.network.shift,
    };
  }

  /* ---- who answers ---- */

  function affine({ inputs, bias, weight }, x) {
    return bias.map((b, k) => {
      let sum = b;
      for (let i = 0, at = k * inputs; i < inputs; i++, at++) sum += weight[at] * x[i];
      return sum;
    });
  }

  /** The network's logits: one hidden layer of rectified units. */
  function logits(model, x) {
    const [hidden, out] = model.layers;
    const seen = Float64Array.from(x, (value) => value - model.shift);
    return affine(out, affine(hidden, seen).map((h) => Math.max(0, h)));
  }

  /** The nearest class mean's scores: minus half the squared distance to each class's mean. */
  function meanScores(model, x) {
    return model.means.map((mean) => {
      let sum = 0;
      for (let i = 0; i < mean.length; i++) sum += (x[i] - mean[i]) ** 2;
      return -sum / 2;
    });
  }

  function softmax(scores) {
    const most = Math.max(...scores);
    const powers = scores.map((s) => Math.exp(s - most));
    const total = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / total);
  }

  const largest = (scores) => scores.indexOf(Math.max(...scores));

  /** What both answer to an image, each with a confidence for every class.
   *
   * The network's is the softmax of its logits. The rule's is that of its scores divided by `variance`, the mean
   * variance of a training pixel about its class's mean: the posterior if all classes were Gaussian clouds of it.
   */
  function answers(model, x) {
    const network = logits(model, x);
    const ncm = meanScores(model, x);
    return {
      network: { answer: largest(network), confidence: softmax(network) },
      ncm: { answer: largest(ncm), confidence: softmax(ncm.map((s) => s / model.variance)) },
    };
  }

  /* ---- the knee: `predict_knee`, from a table of accuracies at Chebyshev's points ---- */

  /** Points of Chebyshev's kind in (-1, 1). */
  const nodes = (count) => Array.from({ length: count }, (_, k) => Math.cos((Math.PI * (k + 0.5)) / count));

  /** The polynomial through values at `nodes`, at u in [-1, 1], by the barycentric formula. */
  function interpolate(values, u) {
    const count = values.length;
    let above = 0;
    let below = 0;
    for (let k = 0; k < count; k++) {
      const angle = (Math.PI * (k + 0.5)) / count;
      const away = u - Math.cos(angle);
      if (Math.abs(away) < 1e-14) return values[k];
      const weight = ((k % 2 ? -1 : 1) * Math.sin(angle)) / away;
      above += weight * values[k];
      below += weight;
    }
    return above / below;
  }

  const SCALES = { // how strength runs along the table's axis, from 0
    survival: { to: (p) => -Math.log10(1 - p), from: (s) => 1 - 10 ** -s },
    log: { to: (sigma) => Math.log1p(sigma), from: (s) => Math.expm1(s) },
  };

  /** Expected accuracy of the nearest class mean as a function of strength, for n training images a class. */
  function curve(table, kind, n) {
    const [low, high] = table.images;
    const v = (2 * Math.log(n / low)) / Math.log(high / low) - 1;
    const grid = numbers(table[kind], Uint16Array);
    const [rows, columns] = table.nodes;
    const along = Array.from({ length: rows }, (_, i) =>
      interpolate(Array.from(grid.subarray(i * columns, (i + 1) * columns), (k) => k / 65535), v));
    const scale = SCALES[table.scale];
    return (strength) => interpolate(along, (2 * scale.to(strength)) / table.most - 1);
  }

  /** The strength at which a curve has fallen half-way from its start to chance; NaN where it does not, or never rose. */
  function halfWay(table, kind, n) {
    const expected = curve(table, kind, n);
    const scale = SCALES[table.scale];
    const half = (expected(0) + table.chance) / 2;
    if (expected(0) - table.chance < table.least_fall) return NaN;
    let [low, high] = [0, 0];
    for (let i = 1; i <= 200 && expected(scale.from(high)) > half; i++) [low, high] = [high, (table.most * i) / 200];
    if (expected(scale.from(high)) > half) return NaN;
    for (let i = 0; i < 40; i++) {
      const middle = (low + high) / 2;
      if (expected(scale.from(middle)) > half) low = middle;
      else high = middle;
    }
    return scale.from((low + high) / 2);
  }

  /** Wilson's 95 % interval of a share: `right` of `of`. */
  function wilson(right, of) {
    const z = 1.959964;
    const share = right / of;
    const middle = (share + z ** 2 / (2 * of)) / (1 + z ** 2 / of);
    const half = (z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2))) / (1 + z ** 2 / of);
    return [middle - half, middle + half];
  }

  const api = {
    LAWS, SCALES, answers, bytes, corrupt, curve, halfWay, largest, logits, meanScores, newKey, nodes, percent, softmax,
    threefry, unpack, wilson,
  };
  if (typeof module === "object") module.exports = api;
  else root.AlmostNothing = api;
})(globalThis);
