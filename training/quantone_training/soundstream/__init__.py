"""SoundStream as published (Zeghidour et al. 2021): the PyTorch twin of codecs/soundstream."""
