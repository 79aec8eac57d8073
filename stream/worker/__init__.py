"""The shell around the pure core: Kafka, Faust, timers and signals."""
