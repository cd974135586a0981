"""Floor 6: AI register, predictions and chat, as they come."""

from django.apps import AppConfig


class AiConfig(AppConfig):
    name = "ai"
