"""States of commits for GitHub, GitLab, Gitea and Forgejo, by their own APIs."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote, urlsplit

from gitopsd.adapters.notify.files import secret
from gitopsd.adapters.notify.post import Answered, Post, judge, send
from gitopsd.model.errors import NotTaken, Refused
from gitopsd.model.notice import CommitState, CommitStatus, Message
from gitopsd.model.receiver import CommitStatusSettings

MOST_DESCRIPTION = {"github": 140, "gitlab": 255, "gitea": 255}
STATES: Mapping[str, Mapping[CommitState, str]] = {
    "github": {"pending": "pending", "success": "success", "failure": "failure", "superseded": "error"},
    "gitlab": {"pending": "pending", "success": "success", "failure": "failed", "superseded": "canceled"},
    "gitea": {"pending": "pending", "success": "success", "failure": "failure", "superseded": "error"},
}


class ForgeNotifier:
    """The port Notifier for one repository. `link` makes an address of a page, "" where people reach none."""

    def __init__(
        self,
        repository: str,
        settings: CommitStatusSettings,
        link: Callable[[str], str],
        now: Callable[[], datetime],
    ) -> None:
        self._repository, self._settings, self._link, self._now = repository, settings, link, now

    def wants(self, message: Message) -> bool:
        return isinstance(message, CommitStatus) and message.repository == self._repository

    def send(self, message: Message, id: str) -> None:
        assert isinstance(message, CommitStatus)
        settings = self._settings
        token = secret(settings.token_file, "token_file")
        answer = send(_asked(settings, message, self._link(message.page), token))
        if settings.forge == "gitlab" and _known(answer):
            return
        try:
            judge(urlsplit(settings.api).hostname or "", answer, self._now())
        except (NotTaken, Refused) as error:
            raise _explained(error, answer, settings) from None

    def lacks(self) -> str:
        try:
            secret(self._settings.token_file, "token_file")
        except NotTaken as error:
            return str(error)
        return ""


def _asked(settings: CommitStatusSettings, status: CommitStatus, link: str, token: str) -> Post:
    forge, most = settings.forge, MOST_DESCRIPTION[settings.forge]
    said = status.description if len(status.description) <= most else f"{status.description[: most - 3]}..."
    body = {"state": STATES[forge][status.state], "description": said, "target_url": link}
    body = {key: value for key, value in body.items() if value}
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    match forge:
        case "gitlab":
            url = f"{settings.api}/projects/{quote(settings.project, safe='')}/statuses/{status.revision}"
            return Post(url, _json({**body, "name": status.context}), {**headers, "PRIVATE-TOKEN": token})
        case "github":
            headers |= {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
            headers |= {"Authorization": f"Bearer {token}"}
        case "gitea":
            headers |= {"Authorization": f"token {token}"}
    url = f"{settings.api}/repos/{quote(settings.project)}/statuses/{status.revision}"
    return Post(url, _json({**body, "context": status.context}), headers)


def _json(body: Mapping[str, str]) -> bytes:
    return json.dumps(body).encode()


def _known(answer: Answered) -> bool:
    """GitLab refuses a state that a commit has already."""
    return answer.status == 400 and b"Cannot transition status" in answer.body


def _explained(error: NotTaken | Refused, answer: Answered, settings: CommitStatusSettings) -> NotTaken | Refused:
    mends = {
        401: f"the token in {settings.token_file} does not count there",
        403: f"the token in {settings.token_file} may not set states of commits of {settings.project}",
        404: f"{settings.project} has no such commit, or the token in {settings.token_file} may not see it",
    }
    mend = mends.get(answer.status)
    if mend is None or (isinstance(error, NotTaken) and error.after is not None):
        return error
    if answer.status == 404:
        return Refused(f"{error}: {mend}")
    return NotTaken(f"{error}: {mend}")
