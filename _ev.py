import sys, json, pathlib, shutil, time
from rdtf import patterns
from rdtf.generative import networks
from rdtf.generative.dynamics import equilibrium, noised

src, score, work, epochs = sys.argv[1:5]
data = patterns.read([src])
d = networks.load(score, networks.Network, "denoiser", "train_score")
s = equilibrium.Settings(0.8, int(epochs), 16, 3e-3, True, probes=0)
v, r = noised.train(data, d, s, work)
print(json.dumps(r))
v.save(pathlib.Path(work) / "velocity.keras")
pathlib.Path(work, "result.json").write_text(json.dumps(r, indent=1))
