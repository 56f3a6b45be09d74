"""Code that is not ours: where `"module:Class"` is found, and the files that are imported at start."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from llmproxy.config.document import Document
from llmproxy.config.report import Report
from llmproxy.core.origin import places, shown, told


def make_importable(folder: Path, *, first: bool) -> None:
    """Puts a folder on `sys.path`, once.

    Args:
        folder: Absolute.
        first: Before everything else, as Python does with a script's folder; otherwise after it.
    """
    if str(folder) not in sys.path:
        sys.path.insert(0 if first else len(sys.path), str(folder))
    importlib.invalidate_caches()


def plugin_folders(document: Document, report: Report) -> tuple[Path, ...]:
    """The folders of `[plugins] paths`, absolute; one that is not there is a problem."""
    written = document.table("plugins").get("paths")
    folders = []
    for index, text in enumerate(written if isinstance(written, list | tuple) else ()):
        folder = document.folder / text if isinstance(text, str) else None
        if folder and folder.is_dir():
            folders.append(folder.absolute())
        elif folder:
            report.problem(("plugins", "paths", index), f"paths in [plugins]: there is no folder {text!r}")
    return tuple(folders)


def import_plugins(folder: Path, report: Report) -> None:
    """Imports every Python file of a folder under its own name. One that fails is a warning; the others go on."""
    make_importable(folder, first=False)  # last: a plug-in named like a library must not take the library's place
    for path in sorted(folder.glob("*.py")):
        if path.stem.startswith("__"):
            continue
        trouble = _import_file(path)
        if trouble:
            report.warning(trouble)


def _import_file(path: Path) -> str | None:
    """Imports one file, unless it was imported before. Returns what went wrong, as one line."""
    if _is_taken(path):
        return f'{shown(path)}: not imported, another module is called "{path.stem}" already; rename the file'
    try:
        importlib.import_module(path.stem)
    except (Exception, SystemExit) as error:  # a plug-in may fail in any way, and the proxy starts without it
        return f"{shown(path)}{_line_in(path, error)}: not imported: {told(error)}"
    return None


def _is_taken(path: Path) -> bool:
    module = sys.modules.get(path.stem)
    if module is not None:
        return not _is_from(module, path)
    try:
        spec = importlib.util.find_spec(path.stem)
    except (ImportError, ValueError):
        return False  # the import itself will say why
    return spec is not None and not _is_same(spec.origin or "", path)


def _is_from(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and _is_same(file, path)


def _is_same(file: str, path: Path) -> bool:
    return Path(file).resolve() == path.resolve()


def _line_in(path: Path, error: BaseException) -> str:
    """The last line of the file that was at work, as ":12", or nothing."""
    numbers = [place.line for place in places(error) if place.file.resolve() == path.resolve()]
    return f":{numbers[-1]}" if numbers else ""
