"""Install what the WebUI lacks, and nothing else. The WebUI runs this before it starts."""

import importlib.util
import subprocess
import sys

# What the extension imports and the WebUI does not bring -> the releases that will do.
NEEDED = {"watchdog": "watchdog>=2.1.9", "platformdirs": "platformdirs>=3"}


def missing() -> list[str]:
    """Return what has to be installed."""
    return [need for name, need in NEEDED.items() if importlib.util.find_spec(name) is None]


def install(needs: list[str]) -> None:
    """Install *needs* without whatever they may need themselves, so that no other package moves."""
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet"]
    command += ["--disable-pip-version-check", "--retries", "1", "--timeout", "10", *needs]
    try:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        print(f"Textual Inversion: installed {' and '.join(needs)}")
    except (OSError, subprocess.CalledProcessError):
        print(f"Textual Inversion: could not install {' and '.join(needs)}; it stays off without")


if __name__ == "__main__" and missing():
    install(missing())
