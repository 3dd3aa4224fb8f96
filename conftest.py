"""Lets pytest find the plugin that turns *.case files into tests."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "harness"))

pytest_plugins = ["sockproof_pytest"]
