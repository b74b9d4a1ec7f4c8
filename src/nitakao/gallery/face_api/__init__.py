"""What Microsoft's Face API is told: face ids that expire, lists and groups, their people and faces, kept for good.

No picture is kept, and nothing of it is among the gallery's own photographs and people.
"""
