"""Storage of the Face API: expiring face ids, face lists, groups, and their people and faces.

It stores no pictures, and is separate from the gallery's own photographs and people.
"""
