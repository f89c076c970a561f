"""Online monitors for model inputs, outputs and performance: numpy and River, no Ray, no gateway."""
