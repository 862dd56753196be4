"""Training of quantone's own codecs: the same stages as the TypeScript library, in PyTorch."""
