import numpy as np, tensorflow as tf, keras
from rdtf import patterns
from rdtf.generative.dynamics import flows, snapshots
from rdtf.generative.dynamics.isotropic import EquilibriumVelocity

for name in ("waves", "spirals"):
    data = patterns.read([f"/tmp/w/s6/bs/{name}_64_2560_0.h5"])
    x = np.float32(snapshots.in_units(data)[:16])
    t = flows.true_velocity(data, x)
    al = snapshots.in_units(data)
    m, s = al.mean((0, 1, 2)), al.std((0, 1, 2))
    out = []
    for k in range(10):
        keras.utils.set_random_seed(100 + k)
        v = EquilibriumVelocity(m, s)
        v.build((None, None, None, 2))
        z = np.sqrt(0.8) * (
            (x - m) / s + 0.5 * np.random.default_rng(k).normal(size=x.shape)
        )
        mo = v.moments(tf.constant(z, tf.float32))
        for _ in range(100):
            v.follow(mo)
        out.append(flows.compare(np.float64(v(tf.constant(x))), t, False)["cosine"])
    print(name, np.round(out, 3), np.mean(out), np.std(out), flush=True)
