"""DiffWave: a diffusion vocoder from log-mel features to samples, and its training."""
