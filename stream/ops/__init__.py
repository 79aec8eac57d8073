"""What operators see: the Prometheus catalogue and the operations port."""
