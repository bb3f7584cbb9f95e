from django.apps import AppConfig


class AgentsiteConfig(AppConfig):
    name = "agentsite"

    def ready(self) -> None:
        """Each way of signing in is audited from the first request on, whatever was imported until then."""
        from agentsite import signin  # noqa: F401
