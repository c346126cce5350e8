"""Files that appear whole or not at all, for their owner alone: temporary name, fsync, rename."""

import errno
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# What is kept here is for its owner: nobody else reads, lists or writes it.
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
# What a disk or a folder's rights refuse: the operator's to mend, not the agency's and no defect.
_REFUSALS_OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
DISK_REMEDY = "free space or mend the folder's rights"


def refused_by_disk(error: Exception) -> str | None:
    """The operating system's words for what the disk refused, or None; the engine, Arrow and SQLite quote them inside theirs."""
    said = str(error)
    if "database or disk is full" in said:
        return os.strerror(errno.ENOSPC)
    if isinstance(error, OSError) and error.errno in _REFUSALS_OF_A_DISK:
        return os.strerror(error.errno)
    return next((words for words in map(os.strerror, _REFUSALS_OF_A_DISK) if re.search(rf"[:\]] {words}", said)), None)


@contextmanager
def for_owner_alone() -> Iterator[None]:
    """Whatever this process and those that it starts (dbt, Dagster's server) write inside the block is for its owner alone."""
    before = os.umask(0o777 & ~PRIVATE_FOLDER)
    try:
        yield
    finally:
        os.umask(before)


def private_folder(folder: Path) -> Path:
    """Make a folder, and those above it that are not there, for their owner alone."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    return folder


def make_private(folder: Path) -> None:
    """Let nobody else into what is in `folder` already. What links lead to stays as it is."""
    for path in [folder, *folder.rglob("*")]:
        wanted = PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE
        if not path.is_symlink() and path.stat().st_mode & 0o777 != wanted:
            path.chmod(wanted)


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Flush every file below `folder`, then the folders."""
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            sync_folder(path)
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())


@contextmanager
def replaced_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; it takes the name of `path` when the block ends well, and is removed otherwise."""
    private_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.chmod(PRIVATE_FILE)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replaced_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def made_once(path: Path, text: str) -> Path:
    """`path` with what was in it, or with `text` where it was not there: whole, and of two that make it at once the first wins."""
    if path.exists():
        return path
    private_folder(path.parent)
    own = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        # By its descriptor, since nobody else may open it meanwhile: a Path opens names only.
        with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(own, path)
    finally:
        own.unlink(missing_ok=True)
    sync_folder(path.parent)
    return path


def point_link(link: Path, target: Path) -> None:
    """Let `link` lead to `target` in one step: a reader sees the old one or the new one, never neither."""
    private_folder(link.parent)
    temporary = link.with_name(f".{link.name}.{uuid.uuid4().hex}.tmp")
    temporary.symlink_to(os.path.relpath(target, link.parent))
    try:
        temporary.replace(link)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(link.parent)


@contextmanager
def versioned_folder(link: Path) -> Iterator[Path]:
    """A new folder to fill; at the end `link` leads to it, in one step.

    A folder that is not empty cannot be replaced by a rename, so each attempt stays in `.versions` beside the link,
    also when a later one takes its place: what an agency sent is evidence until its retention ends.
    """
    attempt = link.parent / ".versions" / f"{link.name}-{uuid.uuid4().hex[:12]}"
    private_folder(attempt.parent)
    attempt.mkdir(mode=PRIVATE_FOLDER)
    try:
        yield attempt
        make_private(attempt)
        sync_tree(attempt)
        sync_folder(attempt.parent)
        point_link(link, attempt)
    except BaseException:
        # Once the link leads here it is no attempt any more, whatever fails after that.
        if link.resolve() != attempt.resolve():
            shutil.rmtree(attempt, ignore_errors=True)
        raise


def remove_unfinished(folder: Path, marker: str, remove: Callable[[Path], None] = shutil.rmtree) -> list[Path]:
    """Remove what a crash left in `folder`: attempts without their last file, and temporary names. One night at a time."""
    attempts = [path for path in folder.glob(".versions/*") if not (path / marker).exists()]
    for path in attempts:
        remove(path)
    return [*attempts, *remove_temporary(folder, "."), *remove_temporary(folder, ".versions/*")]


def remove_temporary(folder: Path, pattern: str) -> list[Path]:
    """Remove the temporary names that a crash left in the folders matching `pattern` below `folder`. One night at a time."""
    found = list(folder.glob(f"{pattern}/.*.tmp"))
    for path in found:
        path.unlink(missing_ok=True)
    return found


def share_file(source: Path, target: Path) -> None:
    """One file under two names; a copy where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def real_path(path: Path) -> Path:
    """Without links. Of one that leads to itself it is the link: `resolve` would raise."""
    return Path(os.path.realpath(path))
