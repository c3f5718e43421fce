"""Whatever the bytes: the loader loads them or says what is wrong, soon and within bounds.

Each example of a profile is a seed, from which a batch of inputs follows: 5,000 in `make test`, 1,000,000 in
`make test-long`. An input takes at most `SLOWEST` of processor time; what a run adds to the memory is bounded, too.
"""

import gc
import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gitopsd.adapters import settings_file
from gitopsd.manifest import dotenv, load_all, resolved
from gitopsd.manifest.interpolate import Variable, substitute
from gitopsd.manifest.yaml import parse
from gitopsd.model.errors import ProblemsError
from gitopsd.model.files import Files
from tests.manifest.broken import broken_projects
from tests.manifest.mutations import mutated

HERE = Path(__file__).parent
SLOWEST = 2.0  # seconds; a manifest of everyday size takes 0.005
LONGEST = 2_000  # letters of one problem
MOST_MEMORY = 600 << 10  # KiB that a run may add
BATCH = 100
VARIABLES = {"A": Variable("va"), "E": Variable(""), "W": Variable("two words", hidden=True)}
MANIFESTS = tuple(
    path.read_bytes()
    for pattern in ("corpus/*/compose.yaml", "errors/*.yaml", "cases/*.txt")
    for path in sorted(HERE.glob(pattern))
)
ENV_FILES = (
    b"A=1\nB='x y'\nC=\"a\\n$A\"\nexport D=${B:-c}\n# c\nE\nF=${A:+${U:-z}}\n",
    *(path.read_bytes() for path in sorted(HERE.glob("corpus/*/*.env"))),
)
EXPRESSIONS = (b"$A ${A} ${U:-d} ${E:+x} ${A:?m} $$ ${U-${A:-${E}}}", b"${U:-{}} }{ ${A:-x}y}", b"a$b$$$c${d}")
SETTINGS = (
    (HERE.parents[1] / "deploy" / "gitopsd.yaml").read_bytes(),
    b"""
repository: {url: "https://git.example.com/a.git", branch: main, credentials: {username: x, password_file: /p}}
discover: ["environments/*"]
mode: auto
environments: {production: {path: a/b, target: {docker: "unix:///var/run/docker.sock"}, vars_file: a}}
registries: {"registry.example.com:5000": {username: ci, password_file: /p}}
resync: 60s
""",
)


def compose_files(data: bytes) -> None:
    files = {
        "shop/compose.yaml": data,
        "shop/.env": b"A=va\nCOMPOSE_PROFILES=p\n",
        "shop/e.env": b"X=$A\n",
        "shop/a": b"",
    }
    resolved(load_all(Files.of(files), "shop", "shop", variables={"W": "two words"}, for_config=True), "/r")


def several_files(data: bytes) -> None:
    """The same bytes as the file, as its override, as what it includes or extends, and as its `.env`."""
    files = {
        "shop/compose.yaml": b"include: [{path: [a.yaml, b.yaml]}]\n"
        b"services: {w: {extends: {file: a.yaml, service: web}}}",
        **dict.fromkeys(("shop/a.yaml", "shop/b.yaml", "shop/compose.override.yaml", "shop/.env"), data),
    }
    resolved(load_all(Files.of(files), "shop", "shop", variables={}, for_config=True), "/r")


def documents(data: bytes) -> None:
    parse("compose.yaml", data)


def env_files(data: bytes) -> None:
    dotenv.parse("e.env", data, VARIABLES, [])


def expressions(data: bytes) -> None:
    substitute(data.decode(errors="replace"), VARIABLES)


def settings_files(data: bytes, directory: Path) -> None:
    file = directory / "gitopsd.yaml"
    file.write_bytes(data)
    settings_file.load(file)


# What is read, what it is made of, and its share of all inputs: what is slow gets fewer.
GROUNDS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...], float]] = {
    "compose files": (compose_files, MANIFESTS, 0.25),
    "several files": (several_files, MANIFESTS, 0.1),
    "documents": (documents, MANIFESTS, 0.2),
    "env files": (env_files, ENV_FILES, 0.2),
    "expressions": (expressions, EXPRESSIONS, 0.2),
}


@pytest.mark.parametrize("ground", GROUNDS)
def test_no_bytes_do_harm(ground: str) -> None:
    read, seeds, share = GROUNDS[ground]

    run(read, seeds, share)


def test_no_settings_file_does_harm(tmp_path: Path) -> None:
    run(lambda data: settings_files(data, tmp_path), SETTINGS, 0.05)


def test_no_broken_project_does_harm() -> None:
    @settings(max_examples=how_many(100, 5_000), phases=[Phase.generate])
    @given(broken_projects())
    def check(project: object) -> None:
        contents = project.contents()  # type: ignore[attr-defined]
        files = Files.of({f"shop/{path}": text for path, text in contents.items()})
        within_bounds(lambda _: resolved(load_all(files, "shop", "shop", variables={}), "/r"), b"")

    check()


MISTAKES = {
    "a word of 3,000 letters": (b"services: {web: {image: a, restart: %s}}" % (b"x" * 3_000), "expected"),
    "an alias of 3,000 letters": (b"services: {web: {image: a, user: *%s}}" % (b"x" * 3_000), "alias"),
    "hosts that are mappings": (b"services: {web: {image: a, extra_hosts: [{a: b}]}}", "expected"),
    "a pool whose subnet is a mapping": (
        b"services: {web: {image: a}}\nnetworks: {n: {ipam: {config: [{subnet: {a: b}}]}}}",
        "expected",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_chance_once_found_is_said_within_bounds(mistake: str) -> None:
    data, word = MISTAKES[mistake]
    for read in (compose_files, several_files):
        said = refusal(read, data)
        assert said is not None
        assert len(said) < LONGEST
        assert word in said, said


def test_a_file_of_variables_beside_many_files_tells_its_mistakes_once() -> None:
    within_bounds(several_files, b"include:\n" + b"  - gone.yaml\n" * 400)


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@pytest.mark.parametrize("ground", GROUNDS)
def test_no_chance_bytes_do_harm(ground: str, data: bytes) -> None:
    within_bounds(GROUNDS[ground][0], data)


def how_many(quick: int, long: int) -> int:
    return long if settings().max_examples > 1_000 else quick


def run(read: Callable[[bytes], None], seeds: tuple[bytes, ...], share: float) -> None:
    """Batch after batch of mutations; the memory may grow while it warms up, and by no more than its bound."""
    batches = max(1, int(how_many(5_000, 1_000_000) * share) // BATCH)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(max_examples=batches, phases=[Phase.generate])
    @given(st.integers(0, 1 << 63))
    def check(seed: int) -> None:
        for data in batch(seeds, seed):
            within_bounds(read, data)

    check()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


def batch(seeds: tuple[bytes, ...], seed: int) -> Iterable[bytes]:
    random = Random(seed)
    return (mutated(random.choice(seeds), seeds, random) for _ in range(BATCH))


def within_bounds(read: Callable[[bytes], object], data: bytes) -> None:
    """Reads the data; of errors only those are let pass that are meant for people."""
    gc.disable()  # a look through all that the run has kept so far can take seconds, which are not this input's
    begun = time.process_time()
    try:
        said = refusal(read, data)
    finally:
        took = time.process_time() - begun
        gc.enable()
    assert took < SLOWEST, data[:500]
    assert said is None or 0 < len(said) < LONGEST, said


def refusal(read: Callable[[bytes], object], data: bytes) -> str | None:
    """The first thing that is wrong; any error but those that are meant for people goes on."""
    try:
        read(data)
    except ProblemsError as error:
        return str(error.problems[0])
    except ValueError as error:
        if read is expressions:
            return str(error)
        raise
    return None
