"""Bad input of every kind: a sentence in return, and a gateway that is as well afterwards as before."""
