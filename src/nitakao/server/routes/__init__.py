"""The routes of nitakao's own REST, one file a subject."""

from __future__ import annotations

from fastapi import APIRouter

from nitakao.server.routes import export, faces, gallery, jobs, people, photos, search, sessions

ROUTERS: tuple[APIRouter, ...] = tuple(
    subject.router for subject in (faces, search, gallery, photos, people, jobs, export, sessions)
)
