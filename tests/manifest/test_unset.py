"""A variable without a value and without a default holds the release, wherever it stands, and is told by its place."""

import pytest

from gitopsd.manifest import load
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_revision

ONE = "services: {web: {image: i}}\n"
WEB = "services: {web: {image: i, %s}}\n"

HELD = {
    "image": {"compose.yaml": "services: {web: {image: 'a:${X}'}}\n"},
    "a name": {"compose.yaml": f"name: 'a${{X}}'\n{ONE}"},
    "a bind": {"compose.yaml": WEB % "volumes: ['./${X}:/a']"},
    "a host port": {"compose.yaml": WEB % "ports: ['${X}:80']"},
    "content": {"compose.yaml": f"{WEB % 'configs: [c]'}configs: {{c: {{content: '${{X}}'}}}}\n"},
    "a secret's variable": {"compose.yaml": f"{WEB % 'secrets: [s]'}secrets: {{s: {{environment: X}}}}\n"},
    "an extended service": {
        "compose.yaml": "services: {web: {extends: {file: b.yaml, service: b}}}\n",
        "b.yaml": "services: {b: {image: 'a:${X}'}}\n",
    },
    ".env itself": {"compose.yaml": ONE, ".env": "A=${X}\n"},
    "the project in .env": {"compose.yaml": ONE, ".env": "COMPOSE_PROJECT_NAME=${X}\n"},
    "the profiles in .env": {"compose.yaml": ONE, ".env": "COMPOSE_PROFILES=${X}\n"},
    "env_file": {"compose.yaml": WEB % "env_file: e.env", "e.env": "A=${X}\n"},
    "the .env of an include": {
        "compose.yaml": f"{ONE}include: [b/a.yaml]\n",
        "b/a.yaml": "services: {b: {image: 'i:$Y'}}\n",
        "b/.env": "Y=${X}\n",
    },
}
# What comes of an empty text is wrong in itself there, and then told together with its cause.
REFUSED = {
    "COMPOSE_FILE": {"compose.yaml": ONE, ".env": "COMPOSE_FILE=${X}.yaml\n"},
    "a part of COMPOSE_FILE": {"compose.yaml": ONE, ".env": "COMPOSE_FILE=compose.yaml:${X}\n"},
    "include": {"compose.yaml": f"{ONE}include: ['${{X}}.yaml']\n"},
    "a directory to include from": {"compose.yaml": f"{ONE}include: ['${{X}}/a.yaml']\n"},
    "extends.file": {"compose.yaml": "services: {web: {image: i, extends: {file: '${X}.yaml', service: b}}}\n"},
    "extends.service": {"compose.yaml": "services: {web: {image: i, extends: {service: '${X}'}}}\n"},
    "the path of an env_file": {"compose.yaml": WEB % "env_file: '${X}.env'"},
    "a whole port": {"compose.yaml": WEB % "ports: ['${X}']"},
    "a number": {"compose.yaml": WEB % "deploy: {replicas: '${X}'}"},
    "a secret's file": {"compose.yaml": f"{WEB % 'secrets: [s]'}secrets: {{s: {{file: '${{X}}'}}}}\n"},
}


def unset(files: dict[str, str]) -> list[str]:
    revision = a_revision({f"shop/{path}": text for path, text in files.items()})
    return [str(problem) for problem in load(revision, "shop", "production", variables={"OTHER": "x"}).unset]


@pytest.mark.parametrize("where", HELD)
def test_a_variable_without_a_value_holds(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "of the daemon, which is never asked")

    (told,) = unset(HELD[where])

    assert told.startswith("shop/")
    assert "the variable X is not set; set it" in told


@pytest.mark.parametrize("where", REFUSED)
def test_a_variable_without_a_value_is_told_beside_what_comes_of_it(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X", "compose")

    with pytest.raises(ManifestError) as refused:
        unset(REFUSED[where])

    assert "the variable X is not set; set it" in str(refused.value)
    assert len(refused.value.problems) == 2


def test_a_variable_that_must_be_set_is_an_error_with_the_manifests_own_words() -> None:
    with pytest.raises(ManifestError) as refused:
        unset({"compose.yaml": "services: {web: {image: 'a:${X:?say which tag}'}}\n"})

    needed = "services.web.image: the required variable X has no value: say which tag; set it in .env or vars_file"
    assert needed in str(refused.value)


def test_a_variable_of_a_service_that_no_profile_enables_holds_nothing() -> None:
    assert unset({"compose.yaml": "services: {web: {image: i}, off: {image: '$X', profiles: [p]}}\n"}) == []
    with pytest.raises(ManifestError) as refused:
        unset({"compose.yaml": "services: {web: {imag: i}, off: {image: '$X', profiles: [p]}}\n"})
    assert "X is not set" not in str(refused.value)


def test_a_bare_name_in_an_environment_asks_for_nothing_as_with_compose() -> None:
    assert unset({"compose.yaml": WEB % "environment: [X]"}) == []
