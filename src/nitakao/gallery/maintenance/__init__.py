"""Keeping a gallery well: what it holds, copies of it, looking it over, and what can be saved of a damaged one."""
