"""The Python interface: galleries, and functions for single photographs."""
