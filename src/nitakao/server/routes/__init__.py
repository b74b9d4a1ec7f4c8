"""The routes of nitakao's own REST, one file a subject."""

from __future__ import annotations

from fastapi import APIRouter

from nitakao.server.routes import gallery, jobs, leaving, looking, people, photos, searching, sessions

ROUTERS: tuple[APIRouter, ...] = tuple(
    subject.router for subject in (looking, searching, gallery, photos, people, jobs, leaving, sessions)
)
