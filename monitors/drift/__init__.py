"""Whether the rows that come are still those that the model was trained on."""
