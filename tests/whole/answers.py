"""What fifty command lines print, frozen: `python -m tests.whole.answers` writes the copies anew.

A change of an answer then shows in the diff of a commit, where a reader can see whether it was meant.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "answers"
COMMANDS = """
derive
derive --format json
derive --format latex
derive --format markdown
derive --depth 2 --format json
derive --optimizer adam
derive --optimizer adamw --format json
derive --optimizer muon --format markdown
derive --optimizer shampoo:1/8,1/8
derive --criteria stability
derive --criteria stability --format json
derive --without maximality
derive --without "useful update" --without "stable features" --format json
derive --gauge global-lr --format latex
derive --all-depths
derive --network cnn
derive --network resmlp --scale depth
derive --network resmlp --scale width,depth
derive --network resmlp --scale width,depth --format json
derive --network transformer --loss cross-entropy --optimizer adamw
derive --network llama --optimizer muon+adamw --scale width,depth
derive --network moe --optimizer adam --scale depth
derive --network moe --optimizer adam --router sigmoid --top 1 --scale experts
derive --network vit --optimizer adam --scale depth
derive --network resnet --normalization none
derive --network lora --optimizer adam
derive --network moe --top 9
derive --biases --format json
derive --lr 0,0,0
derive --init 0,-1/2,-1 --format json
derive --scale batch:noise
derive --criterion "quiet: dz <= n^(-1/4) at output after updates"
check --preset standard
check --preset standard --format json
check --preset mup --criteria tutorial
check --preset ntp --depth 5
check --preset family:1/4 --optimizer adam --format json
check --init 0,-1/2,-1/2 --lr -1,-1,-1
check --preset mup --lr 1,0,-oo
check --network resmlp --preset family:1/2
check --network cnn --preset family:1/2 --optimizer muon
predict --preset mup
predict --preset mup --format json
predict --preset standard --steps 5
predict --network resmlp --preset family:1/2 --steps 2
network --network transformer
network --network cnn --depth 2
network --network llama --groups 1/4 --qk-norm --softcap
network --network vit
certify missing.json
"""


def commands() -> list[str]:
    return COMMANDS.strip().splitlines()


def path(command: str) -> Path:
    """The file of a command's frozen answer, named after it."""
    return FOLDER / (re.sub(r"[^a-z0-9]+", "-", command.lower()).strip("-") + ".txt")


def answer(command: str) -> str:
    """The exit code and what is printed, in a process of its own, as in a pipe."""
    arguments = [sys.executable, "-m", "scalings", *shlex.split(command)]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    printed = "\n".join(line.rstrip() for line in ended.stdout.splitlines())
    return f"$ python -m scalings {command}\n{printed}\n{ended.stderr}exit code {ended.returncode}\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for command in commands():
        path(command).write_text(answer(command), encoding="utf-8")
