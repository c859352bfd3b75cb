"""A live course: its folder, its class, its gradebook."""
