"""``python -m cflow.dsl.text``: analyses ``grammar.lark`` and writes the tables anew."""

from __future__ import annotations

from pathlib import Path

from .tables import analyse, grammar_text, pack

if __name__ == "__main__":
    target = Path(__file__).with_name("lalr.py")
    target.write_text(pack(analyse(grammar_text())), "utf-8")
    print(f"wrote {target}")
