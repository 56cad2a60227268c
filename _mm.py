import numpy as np, itertools
from rdtf.generative.dynamics.points import data, evaluation

for seed in (4, 21, 22, 23):
    s = data.make("lorenz", seed).samples
    r = np.random.default_rng(seed)
    c = s[r.choice(len(s), 2048, replace=False)]
    print(
        seed,
        [
            (g, round(evaluation.mmd(c[:1024] * np.array(g), c[1024:]), 4))
            for g in ((1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1))
        ],
        flush=True,
    )
