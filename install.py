"""Install what the WebUI lacks, and nothing else. The WebUI runs this before it starts."""

import importlib.util
import subprocess
import sys

# What the extension imports and the WebUI does not bring -> the releases that will do; last what
# it can do without.
NEEDED = {
    "watchdog": "watchdog>=2.1.9",
    "platformdirs": "platformdirs>=3",
    "rapidfuzz": "rapidfuzz>=3",
}


def missing() -> list[str]:
    """Return what has to be installed."""
    return [need for name, need in NEEDED.items() if importlib.util.find_spec(name) is None]


def install(needs: list[str]) -> None:
    """Install *needs* one by one, up to the first that cannot be had.

    What they may need themselves is left out, so that no other package moves.
    """
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--prefer-binary", "--quiet"]
    pip += ["--disable-pip-version-check", "--retries", "1", "--timeout", "10"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for done, need in enumerate(needs):
        try:
            subprocess.run([*pip, need], check=True, **silent)  # noqa: S603
        except (OSError, subprocess.CalledProcessError):
            lacking = ", ".join(needs[done:])
            print(f"Textual Inversion: could not install {lacking}; what needs them stays off")
            return
    print(f"Textual Inversion: installed {', '.join(needs)}")


if __name__ == "__main__" and missing():
    install(missing())
