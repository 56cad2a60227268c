from rdtf.generative.dynamics.points import data, evaluation, training, experiments

p = data.make("lorenz", 4)
S = training.Settings(steps=1000, seed=4)
t = evaluation.turns(p.samples, 4)
print(t, flush=True)
sc = training.train_score(p.samples, S)
v = training.train_velocity(p.samples, sc, p.sigma, S, turns=t)
print(
    evaluation.Comparison(p, p.sigma, 4).cosines(experiments.of_arrays(v)), flush=True
)
