"""VITS: text to speech in one network, trained from recordings and what is said in them."""
