import time, sys, numpy as np, tensorflow as tf, keras
from rdtf.generative.dynamics.points import data, training, evaluation, networks


def run(p, sc, sigma, S, strain, norm, sym, octaves=4):
    networks._OCTAVES = octaves
    keras.utils.set_random_seed(S.seed)
    net = networks.PointVelocity(3)
    R = tf.constant([-1.0, -1.0, 1.0])
    base = net
    f = (lambda x: 0.5 * (base(x) + R * base(R * x))) if sym else base

    def loss(x, step):
        y = x + sigma * training._noise(x, tf.stack([S.seed, step]))
        if norm:
            v0 = f(y)
            m, V = tf.nn.moments(v0, [0])
            g = lambda y: (f(y) - m) * tf.math.rsqrt(V + 1e-5)
        else:
            g = f
        cols = []
        for i in range(3):
            one = tf.one_hot(i, 3) * tf.ones_like(y)
            with tf.autodiff.ForwardAccumulator(y, one) as acc:
                v = g(y)
            cols.append(acc.jvp(v))
        J = tf.stack(cols, -1)
        r = tf.linalg.trace(J) + tf.reduce_sum(v * sc(y, sigma=sigma), -1)
        Js = (J + tf.linalg.matrix_transpose(J)) / 2
        return (
            tf.reduce_mean(r**2) + strain * tf.reduce_mean(tf.reduce_sum(Js**2, [1, 2]))
        ) / tf.reduce_mean(tf.reduce_sum(v**2, -1))

    training._minimise(net, loss, p.samples, S, "flow")
    if norm:
        y = p.samples[:8192] + sigma * np.random.default_rng(5).normal(size=(8192, 3))
        vv = f(tf.constant(y, tf.float32)).numpy()
        m, s = vv.mean(0), vv.std(0)
    else:
        m, s = 0.0, 1.0
    h = lambda x: (np.float64(f(tf.constant(x, tf.float32))) - m) / s
    return h


seed = int(sys.argv[1])
p = data.make("lorenz", seed)
s = p.sigma
sc = training.train_score(p.samples, training.Settings(steps=1500, seed=seed))
S = training.Settings(steps=800, seed=seed)
for o in (4,):
    for norm in (0, 1):
        for strain in (0.0, 0.02, 0.2):
            for sym in (0, 1):
                t = time.time()
                h = run(p, sc, s, S, strain, norm, sym, o)
                c = evaluation.cosines(h, p, s)
                print(
                    "seed",
                    seed,
                    "oct",
                    o,
                    "norm",
                    norm,
                    "strain",
                    strain,
                    "sym",
                    sym,
                    "cos %.3f pw %.3f  %.0fs"
                    % (c["cosine"], c["pointwise"], time.time() - t),
                    flush=True,
                )
