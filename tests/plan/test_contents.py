"""Files that a service is given are compared line by line, but for those that are secret."""

from dataclasses import replace

from gitopsd.model.desired import Content, ContentFile, ContentMount, SealedService
from gitopsd.plan.contents import MOST_LINES, text_differences
from tests.builders import a_service


def given(*, secret: bool = False, **files: bytes) -> SealedService:
    """A service with a directory of files at /etc/app."""
    sealed = a_service()
    content = Content(tuple(ContentFile(name, data) for name, data in files.items()), directory=True, secret=secret)
    mounts = (ContentMount("/etc/app", content, "./app"),)
    return replace(sealed, service=replace(sealed.service, mounts=mounts))


def test_a_changed_file_is_told_line_by_line() -> None:
    (found,) = text_differences(given(conf=b"a=1\nb=2\n"), given(conf=b"a=1\nb=3\n"))
    assert found.path == "/etc/app/conf"
    assert found.lines == ("--- a/etc/app/conf", "+++ b/etc/app/conf", "@@ -1,2 +1,2 @@", " a=1", "-b=2", "+b=3")


def test_files_that_come_and_go_are_told_whole() -> None:
    gone, new = text_differences(given(a=b"one"), given(b=b"two"))
    assert gone.lines == ("--- a/etc/app/a", "+++ /dev/null", "@@ -1 +0,0 @@", "-one")
    assert new.lines[-1] == "+two"


def test_a_secret_file_is_never_told_even_where_it_is_secret_on_one_side_only() -> None:
    assert text_differences(given(conf=b"hunter1"), given(secret=True, conf=b"hunter2")) == ()


def test_what_is_no_text_only_differs_and_what_is_long_is_cut() -> None:
    binary, long = text_differences(given(a=b"\xff", b=b""), given(a=b"\xfe", b=b"line\n" * 1000))
    assert binary.lines == ("no text; it differs",)
    assert len(long.lines) == MOST_LINES + 1


def test_equal_files_do_not_differ() -> None:
    assert text_differences(given(a=b"one"), given(a=b"one")) == ()
