"""tunedeck's engine: everything but the screen. The light half never imports torch."""
