"""HiFi-GAN: a vocoder from log-mel features to samples, and its adversarial training."""
