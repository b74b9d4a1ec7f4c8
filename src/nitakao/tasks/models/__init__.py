"""List, inspect, fetch, publish and check models."""
