// Blocks of training steps of one network. Its tensors stay in the processor's cache from step to step; a step draws and
// corrupts a batch, goes forward, judges, and goes backward. `almostnothing.training` says what is computed,
// `almostnothing.stepping` how this is called.
#include "products.hpp"
#include "words.hpp"

typedef void (*Corrupt)(const float* x, int64_t x_stride, float* out, int64_t rows, int64_t pixels, const uint32_t* key,
                        const uint32_t* draw, float strength, float shift, const float* numbers);

enum Activation { IDENTITY, RELU, LEAKY_RELU, GELU, ERF, TANH, SINE };
enum Loss { CROSS_ENTROPY, SQUARED_ERROR };
enum Optimiser { ADAM, SGD };

extern "C" {
struct Network {
    int64_t convolutions, dense;           // layers of each kind
    int64_t channels, side;                // of the image, where there are convolutions
    const int64_t *ins, *outs;             // of all layers: channels, or units
    const int64_t* pools;                  // of each convolution: whether 2 x 2 averages follow
    const float* factors;                  // of all layers' products
    int32_t activation, bias;
    float **weights, **biases;             // of all layers; weights (in, out), of convolutions (3, 3, in, out)
};
struct Training {
    int32_t loss, optimiser;
    float momentum, shift;
    float** moments;  // first moments of all weights, then of all biases; for Adam the second ones likewise
    int64_t steps, batch;
    const float *rate, *root;  // of each step
    const void* pool;          // clean images: bytes, or floats
    int64_t bytes;             // whether they are bytes
    float levels;
    const int64_t* labels;
    const int64_t* where;  // of each position: its image in the pool
    const uint32_t* draw;  // and the number of its corruption
    const float* images;   // corrupted images, if they are stored
    const int64_t* at;     // of each position: which of these
    Corrupt corrupt;
    const float* numbers;
    const uint32_t* key;
    float strength;
    double* losses;  // of each step: the mean loss of its batch before it; 0 where its rate is 0
};
}

namespace {

constexpr float BETA1 = 0.9f, BETA2 = 0.999f, EPSILON = 1e-8f, SLOPE = 0.01f;
constexpr float ROOT_HALF = 0.70710678118654752f, INVERSE_ROOT_PI = 0.56418958354775629f;
constexpr long LONG = 1 << 15;   // numbers of a batch that are turned rather than read across
constexpr long CHUNK = 1 << 18;  // numbers of the images that convolutions treat at once: as the cache holds

// What an activation leaves to do while a product's results are in registers: ReLU's values are no less than this.
inline vec floor_of(int kind) { return all(kind == RELU ? 0.0f : -INFINITY); }

// f(z) and f'(z).
struct Activated {
    vec value, slope;
};
template <class F>
inline void pass(float* z, float* slope, long count, F f) {
    for (long i = 0; i < count; i += VL) {
        const Activated a = f(load(z + i));
        store(z + i, a.value);
        if (slope) store(slope + i, a.slope);
    }
}
// The rest of it, in place, on `count` numbers, whole vectors; with slopes, if they are wanted: that of ReLU is read from
// its value. It is a pass of its own: between products it would empty their registers.
void activate(int kind, float* z, float* slope, long count) {
    switch (kind) {
        case LEAKY_RELU:
            return pass(z, slope, count, [](vec z) {
                vec slope = z > 0.0f ? all(1.0f) : all(SLOPE);
                return Activated{z * slope, slope};
            });
        case GELU:
            return pass(z, slope, count, [](vec z) {
                vec share = 0.5f + 0.5f * error_function(z * ROOT_HALF);
                return Activated{z * share,
                                 share + z * exponential(-0.5f * z * z) * (INVERSE_ROOT_PI * ROOT_HALF)};
            });
        case ERF:
            return pass(z, slope, count, [](vec z) {
                return Activated{error_function(z), exponential(-z * z) * (2 * INVERSE_ROOT_PI)};
            });
        case TANH:
            return pass(z, slope, count, [](vec z) {
                vec t = hyperbolic_tangent(z);
                return Activated{t, 1.0f - t * t};
            });
        case SINE:
            return pass(z, slope, count, [](vec z) {
                Circle c = angle(z);
                return Activated{c.sine, c.cosine};
            });
    }
}
// Derivatives g by values, made ones by z: times the slopes, in place.
void times_slopes(int kind, float* g, const float* made, const float* slope, long count) {
    if (kind == RELU)
        for (long i = 0; i < count; i += VL) store(g + i, load(made + i) > 0.0f ? load(g + i) : vec{});
    else if (kind != IDENTITY)
        for (long i = 0; i < count; i += VL) store(g + i, load(g + i) * load(slope + i));
}

struct Step {
    int kind;
    float momentum, rate, root;

    // One step of `count` weights w, whole vectors, whose gradient is g times `factor`; as many after them come next.
    void take(const float* g, float factor, float* w, float* first, float* second, long count) const {
        if (kind == ADAM)
            for (long i = 0; i < count; i += VL) {
                vec m = load(first + i), v = load(second + i), by = load(g + i) * factor;
                for (float* next : {w, first, second}) __builtin_prefetch(next + i + count, 1);
                m += (by - m) * (1 - BETA1);
                v = v * BETA2 + by * by * (1 - BETA2);
                store(first + i, m), store(second + i, v);
                store(w + i, load(w + i) - rate * m * inverse(::root(v) * root + EPSILON));
            }
        else
            for (long i = 0; i < count; i += VL) {
                vec b = load(first + i) * momentum + load(g + i) * factor;
                store(first + i, b);
                store(w + i, load(w + i) - rate * b);
            }
    }
};

// A layer's weights, in panels, and bias with their moments, filled up with zeros, which stay zeros. Values of its
// output are `ld` apart from image to image, or from pixel to pixel.
struct Weights {
    long rows, out, ld;
    float factor;
    std::vector<long> from;  // of each row: the row of the network's tensor; -1 where there is none
    Numbers w, first, second, gradient, bias, bias_first, bias_second, bias_gradient;

    long at(long r, long n) const { return in_panels(rows, out, r, n); }
    void copy(const float* tensor, Numbers& to) const {
        to.assign(rows * vectors(out), 0);
        for (long r = 0; tensor && r < rows; r++)
            for (long n = 0; from[r] >= 0 && n < out; n += PANEL)
                std::copy_n(tensor + from[r] * out + n, std::min(PANEL, out - n), &to[at(r, n)]);
    }
    void copy(const Numbers& numbers, float* tensor) const {
        for (long r = 0; r < rows; r++)
            for (long n = 0; from[r] >= 0 && n < out; n += PANEL)
                std::copy_n(&numbers[at(r, n)], std::min(PANEL, out - n), tensor + from[r] * out + n);
    }
    void set(long count, long outs, float by, const float* tensor, const float* biases) {
        rows = count, out = outs, ld = stride(out), factor = by;
        if (from.empty())
            for (long r = 0; r < rows; r++) from.push_back(r);
        copy(tensor, w);
        bias.assign(ld, 0);
        if (biases) std::copy(biases, biases + out, bias.begin());
    }
    // The gradient of the rows from `row` on, of a part of the batch.
    void add(long row, long n, vec sum) {
        float* to = &gradient[at(row, n)];
        store(to, load(to) + sum * factor);
    }
    void bias_of(const float* error, long count) {
        for (long n = 0; n < vectors(out); n += VL) {
            vec sum = load(&bias_gradient[n]);
            for (long b = 0; b < count; b++) sum += load(error + b * ld + n);
            store(&bias_gradient[n], sum);
        }
    }
    void take_bias(const Step& step) {
        step.take(bias_gradient.data(), 1, bias.data(), bias_first.data(), bias_second.data(), vectors(out));
        std::fill(bias_gradient.begin(), bias_gradient.end(), 0);
    }
    void take(const Step& step) {
        step.take(gradient.data(), 1, w.data(), first.data(), second.data(), w.size());
        std::fill(gradient.begin(), gradient.end(), 0);
    }
};

// to(c, r, v): v holds the elements (r .. r + VL - 1, c) of a matrix whose from(r, c) are elements (r, c .. c + VL - 1).
template <class From, class To>
inline void turn(long rows, long columns, From from, To to) {
    for (long r = 0; r < rows; r += VL)
        for (long c = 0; c < columns; c += VL) {
            vec block[VL];
            repeat<VL>([&](auto i) INLINE { block[i] = r + i < rows ? from(r + i, c) : vec{}; });
            transpose(block);
            repeat<VL>([&](auto i) INLINE {
                if (c + i < columns) to(c + i, r, block[i]);
            });
        }
}

struct Dense {
    Weights p;
    long in, ld_in;                      // units of its input and their stride
    Numbers made, slope, error;          // (batch, out): values, derivatives by z of activation and loss
    Numbers turned, input;               // weights (out, in), in panels; where it is long, its input (in, batch)

    void forward(const float* x, long count, int kind, bool training) {
        const float *bias = p.bias.data(), factor = p.factor;
        const vec floor = floor_of(kind);
        float* to = made.data();
        const long ld = p.ld;
        product(count, p.out, {1, 0, 1, 0, in, 1}, x, ld_in, p.w.data(), 0, [=](long m, long n, vec sum) INLINE {
            store(to + m * ld + n, larger(sum * factor + load(bias + n), floor));
        });
        activate(kind, to, training ? slope.data() : nullptr, count * ld);
    }
    // use(image, unit, g): derivatives of the loss by the layer's input.
    template <class Use>
    void backward(long count, Use use) {
        turn(
            in, p.out, [&](long r, long c) { return load(&p.w[p.at(r, c)]); },
            [&](long c, long r, vec v) { store(&turned[in_panels(p.out, in, c, r)], v); });
        const float factor = p.factor;
        product(count, in, {1, 0, 1, 0, p.out, 1}, error.data(), p.ld, turned.data(), 0,
                [=](long m, long n, vec sum) INLINE { use(m, n, sum * factor); });
    }
    void take(const float* x, long count, const Step& step) {
        float *w = p.w.data(), *first = p.first.data(), *second = p.second.data();
        const float factor = p.factor;
        const long length = stride(count), rows = in;
        const bool apart = count * ld_in > LONG;  // rows of x lie on many pages: read each once
        if (apart) {
            input.resize(in * length);
            turn(
                count, in, [=](long r, long c) { return load(x + r * ld_in + c); },
                [&](long c, long r, vec v) { store(&input[c * length + r], v); });
        }
        const Walk walk{1, 0, 1, 0, count, apart ? 1 : ld_in};
        product(in, p.out, walk, apart ? input.data() : x, apart ? length : 1, error.data(), p.ld,
                [=](long m, long count, long n, long width, const float* sums) {
                    const long at = n * rows + m * width;
                    step.take(sums, factor, w + at, first + at, second + at, count * width);
                });
    }
    void add(const float* x, long count) {
        product(in, p.out, {1, 0, 1, 0, count, ld_in}, x, 1, error.data(), p.ld,
                [this](long m, long n, vec sum) { p.add(m, n, sum); });
    }
};

// A 3 x 3 convolution on images with a border of zeros, channels side by side.
struct Convolution {
    Weights p;
    long in, ld_in, side;  // channels of its input, their stride; of its output the stride is that of p
    bool pools;
    Numbers input, made, slope, error, border, flipped;

    long wide() const { return side + 2; }
    float* inside(Numbers& images, long ld, long image) const {
        return &images[((image * wide() + 1) * wide() + 1) * ld];
    }
    Walk patch(long channels, long ld) const {
        if (channels == ld) return {1, 0, 3, wide() * ld, 3 * ld, 1};
        return {3, wide() * ld, 3, ld, channels, 1};
    }

    void forward(long count, int kind, bool training) {
        const float *bias = p.bias.data(), factor = p.factor;
        const vec floor = floor_of(kind);
        const long ld = p.ld;
        for (long row = 0; row < count * side; row++) {
            const float* x = &input[(row / side * wide() + row % side) * wide() * ld_in];
            float* to = &made[row * side * ld];
            product(side, p.out, patch(in, ld_in), x, ld_in, p.w.data(), 0, [=](long m, long n, vec sum) INLINE {
                store(to + m * ld + n, larger(sum * factor + load(bias + n), floor));
            });
            activate(kind, to, training ? &slope[row * side * ld] : nullptr, side * ld);
        }
    }
    // The output, averaged where it pools, as an image whose rows and pixels are so far apart.
    void deliver(long image, float* to, long row, long pixel) const {
        const float* from = &made[image * side * side * p.ld];
        const long each = pools ? 2 : 1, length = side * p.ld;
        for (long y = 0; y < side / each; y++)
            for (long x = 0; x < side / each; x++)
                for (long c = 0; c < vectors(p.out); c += VL) {
                    const float* at = from + y * each * length + x * each * p.ld + c;
                    vec v = load(at);
                    if (pools) v = (v + load(at + p.ld) + load(at + length) + load(at + length + p.ld)) * 0.25f;
                    store(to + y * row + x * pixel + c, v);
                }
    }
    // Takes the derivative by what it delivered at (y, x): by its values, before `times_slopes`.
    void receive(long image, long y, long x, long c, vec g) {
        const long each = pools ? 2 : 1;
        if (pools) g *= 0.25f;
        for (long i = 0; i < each; i++)
            for (long j = 0; j < each; j++)
                store(&error[((image * side + y * each + i) * side + x * each + j) * p.ld + c], g);
    }
    void add(long count) {
        const bool rows = in == ld_in;
        const Walk positions{count, wide() * wide() * ld_in, side, wide() * ld_in, side, ld_in};
        for (long place = 0; place < (rows ? 3 : 9); place++) {
            const float* x = &input[(rows ? place * wide() : place / 3 * wide() + place % 3) * ld_in];
            const long height = rows ? 3 * in : in, first = place * height;
            product(height, p.out, positions, x, 1, error.data(), p.ld,
                    [this, first](long m, long n, vec sum) { p.add(first + m, n, sum); });
        }
        p.bias_of(error.data(), count * side * side);
    }
    // use(image, y, x, channel, g): derivatives of the loss by the layer's input.
    template <class Use>
    void backward(long count, Use use) {
        for (long place = 0; place < 9; place++)
            for (long c = 0; c < in; c++)
                for (long o = 0; o < p.out; o++)
                    flipped[in_panels(9 * p.out, in, (8 - place) * p.out + o, c)] = p.w[p.at(place * in + c, o)];
        for (long row = 0; row < count * side; row++)
            std::copy_n(&error[row * side * p.ld], side * p.ld,
                        inside(border, p.ld, row / side) + row % side * wide() * p.ld);
        const float factor = p.factor;
        for (long row = 0; row < count * side; row++) {
            const long image = row / side, y = row % side;
            product(side, in, patch(p.out, p.ld), &border[(image * wide() + y) * wide() * p.ld], p.ld, flipped.data(), 0,
                    [=](long m, long n, vec sum) { use(image, y, m, n, sum * factor); });
        }
    }
};

struct Model {
    std::vector<Convolution> convolutions;
    std::vector<Dense> dense;
    int activation;
    bool bias;
    long pixels, chunk;  // images that are treated at once
    Numbers flat;        // input of the first dense layer
    Numbers scores;      // of a class: the values of all images

    Model(const Network& n, long batch) : convolutions(n.convolutions), dense(n.dense), activation(n.activation) {
        bias = n.bias;
        long side = n.side, channels = n.channels, ld = channels, l = 0, each = 1;
        for (Convolution& c : convolutions) {
            c.in = channels, c.ld_in = ld, c.side = side, c.pools = n.pools[l];
            c.p.set(9 * c.in, n.outs[l], n.factors[l], n.weights[l], bias ? n.biases[l] : nullptr);
            each = std::max(each, (side + 2) * (side + 2) * std::max(ld, c.p.ld));
            channels = c.p.out, ld = c.p.ld;
            side = c.pools ? side / 2 : side;
            l++;
        }
        for (Dense& d : dense) {
            d.in = n.ins[l];
            if (l && l == n.convolutions) {  // pixels, each with its channels; in the tensor: channels with their pixels
                d.in = side * side * ld;
                for (long r = 0; r < d.in; r++) d.p.from.push_back(r % ld < channels ? r % ld * side * side + r / ld : -1);
            }
            d.ld_in = stride(d.in);
            d.p.set(d.in, n.outs[l], n.factors[l], n.weights[l], bias ? n.biases[l] : nullptr);
            l++;
        }
        pixels = n.convolutions ? n.channels * n.side * n.side : n.ins[0];
        chunk = n.convolutions ? std::min(batch, std::max(1L, CHUNK / each)) : batch;
        for (Convolution& c : convolutions) {
            c.input.assign(chunk * c.wide() * c.wide() * c.ld_in + VL, 0);
            c.made.assign(chunk * c.side * c.side * c.p.ld, 0);
        }
        for (Dense& d : dense) d.made.assign(chunk * d.p.ld, 0);
        flat.assign(chunk * dense[0].ld_in, 0);
    }

    template <class Visit>
    void each(Visit visit) {
        long l = 0;
        for (Convolution& c : convolutions) visit(l++, c.p);
        for (Dense& d : dense) visit(l++, d.p);
    }
    long layers() const { return convolutions.size() + dense.size(); }

    // Room for training, with the moments so far.
    void prepare(const Training& t) {
        const bool slopes = activation != IDENTITY && activation != RELU, adam = t.optimiser == ADAM;
        const long count = layers(), half = bias ? 2 * count : count;
        each([&](long l, Weights& p) {
            p.copy(t.moments[l], p.first);
            p.copy(adam ? t.moments[half + l] : nullptr, p.second);
            p.bias_first.assign(p.ld, 0), p.bias_second.assign(p.ld, 0), p.bias_gradient.assign(p.ld, 0);
            if (bias) std::copy_n(t.moments[count + l], p.out, p.bias_first.begin());
            if (bias && adam) std::copy_n(t.moments[half + count + l], p.out, p.bias_second.begin());
            if (!convolutions.empty()) p.gradient.assign(p.w.size(), 0);
        });
        for (Convolution& c : convolutions) {
            c.error.assign(c.made.size(), 0);
            if (slopes) c.slope.assign(c.made.size(), 0);
            c.border.assign(chunk * c.wide() * c.wide() * c.p.ld, 0);
            c.flipped.assign(9 * c.p.out * vectors(c.in), 0);
        }
        for (Dense& d : dense) {
            d.error.assign(d.made.size(), 0);
            if (slopes) d.slope.assign(d.made.size(), 0);
            d.turned.assign(d.p.out * vectors(d.in), 0);
        }
    }
    void hand_back(const Network& n, const Training& t) {
        const bool adam = t.optimiser == ADAM;
        const long count = layers(), half = bias ? 2 * count : count;
        each([&](long l, Weights& p) {
            p.copy(p.w, n.weights[l]);
            p.copy(p.first, t.moments[l]);
            if (adam) p.copy(p.second, t.moments[half + l]);
            if (!bias) return;
            std::copy_n(p.bias.begin(), p.out, n.biases[l]);
            std::copy_n(p.bias_first.begin(), p.out, t.moments[count + l]);
            if (adam) std::copy_n(p.bias_second.begin(), p.out, t.moments[half + count + l]);
        });
    }

    // Where the network wants the pixels of an image of the chunk, or null where it wants them in another order.
    float* place(long image) { return convolutions.empty() ? &flat[image * dense[0].ld_in] : nullptr; }
    void put(long image, const float* x) {
        Convolution& c = convolutions[0];
        for (long channel = 0; channel < c.in; channel++)
            for (long y = 0; y < c.side; y++)
                for (long i = 0; i < c.side; i++)
                    c.inside(c.input, c.ld_in, image)[(y * c.wide() + i) * c.ld_in + channel] = *x++;
    }

    const float* forward(long count, bool training) {
        for (size_t l = 0; l < convolutions.size(); l++) {
            Convolution& c = convolutions[l];
            c.forward(count, activation, training && !c.slope.empty());
            const bool last = l + 1 == convolutions.size();
            for (long image = 0; image < count; image++)
                if (last) {
                    const long side = c.pools ? c.side / 2 : c.side;
                    c.deliver(image, &flat[image * dense[0].ld_in], side * c.p.ld, c.p.ld);
                } else {
                    Convolution& next = convolutions[l + 1];
                    c.deliver(image, next.inside(next.input, c.p.ld, image), next.wide() * c.p.ld, c.p.ld);
                }
        }
        const float* x = flat.data();
        for (Dense& d : dense) {
            const bool last = &d == &dense.back();
            d.forward(x, count, last ? IDENTITY : activation, training && !last && !d.slope.empty());
            x = d.made.data();
        }
        return x;
    }

    // The summed loss of some images of a batch; errors of the last layer for the batch's mean. Images are lanes.
    double judge(const int32_t* labels, long count, long batch, int loss) {
        Dense& last = dense.back();
        const long ld = last.p.ld, out = last.p.out, length = vectors(count);
        const float *z = last.made.data(), share = 1.0f / batch;
        float* error = last.error.data();
        scores.resize(out * length);
        turn(
            count, out, [=](long b, long o) { return load(z + b * ld + o); },
            [&](long o, long b, vec v) { store(&scores[o * length + b], v); });
        double sum = 0;
        for (long b = 0; b < count; b += VL) {
            float* of = &scores[b];
            ivec label;
            std::memcpy(&label, labels + b, sizeof label);
            vec lost{}, norm{}, most = load(of);
            if (loss == CROSS_ENTROPY) {
                for (long o = 1; o < out; o++) most = larger(most, load(of + o * length));
                for (long o = 0; o < out; o++) {
                    const vec score = load(of + o * length), e = exponential(score - most);
                    lost = label == (int32_t)o ? most - score : lost;
                    norm += e;
                    store(of + o * length, e);
                }
                lost += norm == norm ? logarithm(norm) : norm;
                const vec scale = share / norm;
                for (long o = 0; o < out; o++)
                    store(of + o * length, (load(of + o * length) - (label == (int32_t)o ? norm : vec{})) * scale);
            } else {
                for (long o = 0; o < out; o++) {
                    const vec apart = load(of + o * length) - (label == (int32_t)o ? all(1.0f) : vec{});
                    lost += 0.5f * apart * apart;
                    store(of + o * length, apart * share);
                }
            }
            for (long i = 0; i < VL && b + i < count; i++) sum += lost[i];
        }
        turn(
            out, count, [&](long o, long b) { return load(&scores[o * length + b]); },
            [=](long b, long o, vec v) { store(error + b * ld + o, v); });
        return sum;
    }

    void backward(long count, const Step& step) {
        const bool apart = !convolutions.empty();  // gradients are summed over parts of the batch
        const int kind = activation;
        for (long l = (long)dense.size() - 1; l >= 0; l--) {
            Dense& d = dense[l];
            const float* x = l ? dense[l - 1].made.data() : flat.data();
            if (l > 0) {
                Dense& below = dense[l - 1];
                const long ld = d.ld_in;
                float* to = below.error.data();
                d.backward(count, [=](long m, long n, vec g) INLINE { store(to + m * ld + n, g); });
                times_slopes(kind, to, below.made.data(), below.slope.data(), count * ld);
            } else if (apart) {
                Convolution& below = convolutions.back();
                const long ld = below.p.ld, side = below.pools ? below.side / 2 : below.side;
                d.backward(count, [&below, ld, side](long m, long n, vec g) {
                    below.receive(m, n / ld / side, n / ld % side, n % ld, g);
                });
            }
            if (bias) d.p.bias_of(d.error.data(), count);
            if (apart) {
                d.add(x, count);
            } else {
                d.take(x, count, step);
                if (bias) d.p.take_bias(step);
            }
        }
        for (long l = (long)convolutions.size() - 1; l >= 0; l--) {
            Convolution& c = convolutions[l];
            times_slopes(kind, c.error.data(), c.made.data(), c.slope.data(), count * c.side * c.side * c.p.ld);
            if (l > 0) {
                Convolution& below = convolutions[l - 1];
                c.backward(count, [&below](long image, long y, long x, long n, vec g) {
                    below.receive(image, y, x, n, g);
                });
            }
            c.add(count);
        }
    }
    void take(const Step& step) {
        each([&](long, Weights& p) {
            p.take(step);
            if (bias) p.take_bias(step);
        });
    }
};

template <class Pixel>
void read_image(const Training& t, long position, long pixels, float* x) {
    const Pixel* from = (const Pixel*)t.pool + t.where[position] * pixels;
    const float levels = t.levels;
    for (long i = 0; i < pixels; i++) x[i] = from[i] / levels;
}

void show(Model& model, const Training& t, long position, long image, float* clean, float* changed) {
    const long pixels = model.pixels;
    float* to = model.place(image);
    float* x = to ? to : changed;
    if (t.images) {
        const float *from = t.images + t.at[position] * pixels, shift = t.shift;
        for (long i = 0; i < pixels; i++) x[i] = from[i] - shift;
    } else {
        t.bytes ? read_image<uint8_t>(t, position, pixels, clean) : read_image<float>(t, position, pixels, clean);
        t.corrupt(clean, pixels, x, 1, pixels, t.key, t.draw + position, t.strength, t.shift, t.numbers);
    }
    if (!to) model.put(image, x);
}

// Numbers below 2^-126 are taken as 0 while this lives: moments of weights that get no gradient decay into them, and
// the processor needs a hundred times as long for each.
struct NoDenormals {
#if defined(__SSE__)
    unsigned before = __builtin_ia32_stmxcsr();
    NoDenormals() { __builtin_ia32_ldmxcsr(before | 0x8040); }
    ~NoDenormals() { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
    uint64_t before;
    NoDenormals() {
        asm volatile("mrs %0, fpcr" : "=r"(before));
        asm volatile("msr fpcr, %0" ::"r"(before | 1 << 24));
    }
    ~NoDenormals() { asm volatile("msr fpcr, %0" ::"r"(before)); }
#endif
};

}  // namespace

extern "C" void train(const Network* network, const Training* training) {
    const NoDenormals guard;
    const Training& t = *training;
    Model model(*network, t.batch);
    model.prepare(t);
    Numbers clean(model.pixels + VL, 0), changed(model.pixels + VL, 0);
    std::vector<int32_t> labels(vectors(t.batch));
    for (long s = 0; s < t.steps; s++) {
        t.losses[s] = 0;
        if (t.rate[s] == 0) continue;  // beyond its last step
        const Step step{t.optimiser, t.momentum, t.rate[s], t.root[s]};
        double loss = 0;
        for (long start = 0; start < t.batch; start += model.chunk) {
            const long count = std::min(model.chunk, t.batch - start), first = s * t.batch + start;
            for (long b = 0; b < count; b++) {
                show(model, t, first + b, b, clean.data(), changed.data());
                labels[b] = t.labels[t.where[first + b]];
            }
            model.forward(count, true);
            loss += model.judge(labels.data(), count, t.batch, t.loss);
            model.backward(count, step);
        }
        if (!model.convolutions.empty()) model.take(step);
        t.losses[s] = loss / t.batch;
    }
    model.hand_back(*network, t);
}

// Logits of rows of pixels.
extern "C" void logits(const Network* network, const float* x, int64_t rows, float shift, float* out) {
    const NoDenormals guard;
    Model model(*network, 64);
    const Dense& last = model.dense.back();
    Numbers changed(model.pixels);
    for (long start = 0; start < rows; start += model.chunk) {
        const long count = std::min<long>(model.chunk, rows - start);
        for (long b = 0; b < count; b++) {
            float *place = model.place(b), *to = place ? place : changed.data();
            for (long i = 0; i < model.pixels; i++) to[i] = x[(start + b) * model.pixels + i] - shift;
            if (!place) model.put(b, to);
        }
        const float* z = model.forward(count, false);
        for (long b = 0; b < count; b++) std::copy_n(z + b * last.p.ld, last.p.out, out + (start + b) * last.p.out);
    }
}

// The permutations of 0 .. size - 1 in rows `row` .. `row + rows - 1` of a stream, as `almostnothing.streams`.
extern "C" void permutations(const uint32_t* key, int64_t size, int64_t row, int64_t rows, int64_t* out) {
    const long half = (size + 1) / 2;
    std::vector<uint32_t> first(half + ABREAST * VL), second(half + ABREAST * VL);
    std::vector<uint64_t> packed(size), other(size);
    for (long r = 0; r < rows; r++) {
        for (long j = 0; j < half; j += ABREAST * VL) {
            Words w[ABREAST];
            words(key[0], key[1], uvec{} + (uint32_t)(row + r), (uvec)(count_up() + (int32_t)j), w);
            for (int i = 0; i < ABREAST; i++) {
                std::memcpy(&first[j + i * VL], &w[i].first, sizeof w[i].first);
                std::memcpy(&second[j + i * VL], &w[i].second, sizeof w[i].second);
            }
        }
        for (long j = 0; j < size; j++) packed[j] = (uint64_t)(j < half ? first[j] : second[j - half]) << 32 | j;
        if (size < 512)
            std::sort(packed.begin(), packed.end());
        else
            for (int digit = 32; digit < 64; digit += 11) {  // by eleven bits, the least first: ties keep their order
                uint32_t before[2049] = {0};
                for (uint64_t p : packed) before[(p >> digit & 2047) + 1]++;
                for (int d = 0; d < 2048; d++) before[d + 1] += before[d];
                for (uint64_t p : packed) other[before[p >> digit & 2047]++] = p;
                packed.swap(other);
            }
        for (long j = 0; j < size; j++) out[r * size + j] = (uint32_t)packed[j];
    }
}
