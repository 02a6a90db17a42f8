"""Checks the prose: every relative link leads to a file and a heading, every decision is in the index and short."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LONGEST_DECISION = 60
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def prose(page: pathlib.Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchor(heading: str) -> str:
    words = re.sub(r"[^\w\- ]", "", heading.lower())
    return words.replace(" ", "-")


def pages() -> list[pathlib.Path]:
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("stacks/**/*.md")]
    found += [*ROOT.glob("modules/**/*.md"), *ROOT.glob("crates/*/*.md"), *ROOT.glob("examples/*.md")]
    return sorted(found)


def links(page: pathlib.Path) -> list[str]:
    wrong = []
    for link in LINK.findall(prose(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            wrong.append(f"{link} leads nowhere")
        elif heading and target.suffix == ".md":
            if heading not in map(anchor, HEADING.findall(prose(target))):
                wrong.append(f"{link}: no such heading")
    return wrong


def decisions() -> list[str]:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    wrong = []
    for page in sorted(folder.glob("[0-9]*.md")):
        if f"({page.name})" not in index:
            wrong.append(f"{page.name} is not in the index")
        if len(page.read_text(encoding="utf-8").splitlines()) > LONGEST_DECISION:
            wrong.append(f"{page.name} is longer than {LONGEST_DECISION} lines")
    return wrong


def main() -> int:
    wrong = [f"{page.relative_to(ROOT)}: {what}" for page in pages() for what in links(page)]
    wrong += [f"docs/decisions: {what}" for what in decisions()]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
