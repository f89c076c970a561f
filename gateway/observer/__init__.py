"""The observer: reads every journal, and keeps what follows from them: the store, the monitors, the metrics."""
