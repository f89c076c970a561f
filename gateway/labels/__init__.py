"""Labels: what turned out to be true of a request, from the client's word to a durable event that the observer joins."""
