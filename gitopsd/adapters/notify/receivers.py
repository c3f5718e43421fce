"""Opens everybody who is told, by name, as the settings say."""

from collections.abc import Callable, Mapping
from datetime import datetime

from gitopsd.adapters.notify.apprise import AppriseNotifier
from gitopsd.adapters.notify.forge import ForgeNotifier
from gitopsd.adapters.notify.mail import MailNotifier
from gitopsd.adapters.notify.webhook import WebhookNotifier
from gitopsd.controller.notify_port import Notifier
from gitopsd.model.receiver import AppriseUrl, Mail, Receiver, Webhook
from gitopsd.model.settings import Settings


def open_notifiers(settings: Settings, now: Callable[[], datetime]) -> Mapping[str, Notifier]:
    """Those under `notify`, and the forges of repositories with a `commit_status`. Nothing is connected yet."""
    url = settings.http.public_url

    def link(page: str) -> str:
        return f"{url}{page}" if url else ""

    found = {each.name: _opened(each, link, now) for each in settings.notify}
    for name, repository in settings.repositories.items():
        if (forge := repository.commit_status) is not None:
            found[f"commit status of {name}"] = ForgeNotifier(name, forge, link, now)
    return found


def _opened(receiver: Receiver, link: Callable[[str], str], now: Callable[[], datetime]) -> Notifier:
    match receiver.way:
        case AppriseUrl():
            return AppriseNotifier(receiver, receiver.way, link)
        case Webhook():
            return WebhookNotifier(receiver, receiver.way, link, now)
        case Mail():
            return MailNotifier(receiver, receiver.way, link)
