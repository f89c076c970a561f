"""`python -m grafana.dashboards` writes grafana/json/*.json."""

from __future__ import annotations

from grafana.dashboards.collection import FOLDER, texts


def main() -> None:
    """Write every dashboard, and remove what is none any more."""
    FOLDER.mkdir(exist_ok=True)
    written = texts()
    for path in FOLDER.glob("*.json"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(written)} dashboards in {FOLDER}")


if __name__ == "__main__":
    main()
