"""Prints the lines of each package and the modules over 500 lines: size is a budget, people judge the alarms."""

from __future__ import annotations

from pathlib import Path

ALARM = 500
PACKAGES = ("dsl", "compiler", "planner", "executor", "runtimes", "stdlib_nodes", "store", "measure", "cli")


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    modules = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in _modules(root)}
    for package in ("", *PACKAGES):
        own = [n for path, n in modules.items() if _package(path.relative_to(root)) == package]
        if own:
            print(f"{package or 'root':<14}{len(own):>4} modules {sum(own):>7} lines, largest {max(own)}")
    print(f"{'total':<14}{len(modules):>4} modules {sum(modules.values()):>7} lines")
    for path, lines in sorted(modules.items(), key=lambda item: -item[1]):
        if lines > ALARM:
            print(f"ALARM: {path.relative_to(root)} has {lines} lines, over {ALARM}")


def _modules(root: Path) -> list[Path]:
    nested = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return [*sorted(root.glob("*.py")), *nested]


def _package(relative: Path) -> str:
    return relative.parts[0] if len(relative.parts) > 1 else ""


main()
