"""The catalogue of what loading finds: files, imports and declarations that are wrong."""

# ruff: noqa: E501 - tables

from __future__ import annotations

from ...compiler.rules import Rule, rule

RULES: tuple[Rule, ...] = (
    rule(
        "file-not-found",
        "error",
        "No such file",
        "A file that a program imports, or that was named on the command line, does not exist.",
        "Paths in a program are relative to the file they stand in, not to the current folder.",
        """
        from "./nowhere.py" import score

        flow main() -> Any:
            return score(1)
        """,
        """
        from math import sqrt

        flow main() -> Any:
            return sqrt(1)
        """,
    ),
    rule(
        "file-not-readable",
        "error",
        "A file cannot be read",
        "What stands at a path is a folder, is no ordinary file, is too long, or may not be read.",
        "Nothing can be said of a program that cannot be read.",
        """
        from "./." import score

        flow main() -> Any:
            return score(1)
        """,
        """
        from math import sqrt

        flow main() -> Any:
            return sqrt(1)
        """,
    ),
    rule(
        "file-encoding",
        "error",
        "A file is not UTF-8",
        "A source file is written in another encoding, or is not text at all. A byte order mark is fine.",
        "A guess would silently turn names and texts into others.",
        """
        # a file that was saved as Latin-1 or UTF-16
        const NAME: str = "café"
        """,
        """
        # the same file, saved as UTF-8
        const NAME: str = "café"
        """,
    ),
    rule(
        "python-syntax",
        "error",
        "A Python file is not Python",
        "A `.py` file cannot be parsed.",
        "Nothing can be said of what it defines.",
        "def score(:\n    pass\n",
        "def score(x):\n    return x\n",
        python=True,
    ),
    rule(
        "python-tests",
        "error",
        "Tests of a Python file",
        "`cflow test` was given a `.py` file.",
        "Python flows are tested with pytest, or whatever you use, and `cflow.testing`.",
        "# cflow test orders.py\n",
        "# pytest orders_test.py\n",
        python=True,
    ),
    rule(
        "import-kind",
        "error",
        "Neither .py nor .cflow",
        "A path in an import names a file of another kind, or leaves out the ending.",
        "What a file holds is told by its ending.",
        """
        from "./shop" import reserve

        flow main() -> Any:
            return reserve("A")
        """,
        """
        from math import sqrt

        flow main() -> Any:
            return sqrt(1)
        """,
    ),
    rule(
        "import-not-found",
        "error",
        "No such pack or module",
        "An import names neither a standard pack, nor an installed one, nor an installed module.",
        "A program can call only what it imports.",
        """
        import htttp

        flow main() -> Any:
            return htttp.get("https://example.test")
        """,
        """
        import http

        flow main() -> Any:
            return http.get("https://example.test")
        """,
    ),
    rule(
        "import-name",
        "error",
        "The source of an import has no such name",
        "A file or pack does not define a name that is imported from it, or the name begins with `_`. A file offers what it makes, not "
        "the modules that it imports.",
        "The call would fail when it is reached.",
        """
        from math import sqroot

        flow main() -> Any:
            return sqroot(1)
        """,
        """
        from statistics import mean

        flow main() -> Any:
            return mean([1])
        """,
    ),
    rule(
        "import-options",
        "error",
        "An import declares what it cannot",
        "The options of an import do not exist, do not fit one another, are no constants, or stand at something that is no function.",
        "They say how a plain function behaves as a node, and the whole plan rests on it.",
        """
        from math import sqrt with pure=True, writes="disk"

        flow main() -> Any:
            return sqrt(1)
        """,
        """
        from math import sqrt with pure=True

        flow main() -> Any:
            return sqrt(1)
        """,
    ),
    rule(
        "import-refused",
        "error",
        "An import is not allowed",
        "The host that loads the program allows only some packs and files, and this is none of them; or it is a pack that asks for more "
        "than the host has granted.",
        "A text from a stranger can do only what its host gives it: see `allow=` of `cflow.load`.",
        """
        # cflow.loads(text, allow=["math"])
        import files

        flow main() -> Any:
            return files.read("secrets.txt")
        """,
        """
        # cflow.loads(text, allow=["math"])
        from math import sqrt

        flow main() -> Any:
            return sqrt(2)
        """,
    ),
    rule(
        "extra-missing",
        "warning",
        "A pack lacks its libraries",
        "The program imports a standard pack whose libraries belong to an extra that is not installed.",
        "Importing the pack works; those of its nodes that use the libraries fail when they are called.",
        """
        # python-calamine is not installed
        import xlsx

        flow main() -> Any:
            return xlsx.read("a.xlsx")
        """,
        """
        # pip install 'conductor-cflow[data]'
        import xlsx

        flow main() -> Any:
            return xlsx.read("a.xlsx")
        """,
    ),
    rule(
        "not-granted",
        "error",
        "A program asks for more than it was given",
        "A program that is loaded with `allow=` declares a secret or an environment value, or names an address, a path "
        "or a program, that its host has not granted.",
        "The call would be refused when it is reached; what is not literal is found then only.",
        """
        # cflow.loads(text, allow=["files:./data"])
        import files

        flow main() -> str:
            return files.read("/etc/passwd")
        """,
        """
        # cflow.loads(text, allow=["files:./data"])
        import files

        flow main() -> str:
            return files.read("data/in.csv")
        """,
    ),
    rule(
        "import-clash",
        "error",
        "Two packs bear one name",
        "An installed distribution offers a pack under the name of a standard one, or two distributions offer one of the same name.",
        "Which of them a program gets would depend on what else is installed.",
        """
        # an installed distribution declares in `cflow.packs`: http = "their_http"
        import http

        flow main() -> Any:
            return http.get("https://example.test")
        """,
        """
        # the distribution is gone, or has declared another name
        import http

        flow main() -> Any:
            return http.get("https://example.test")
        """,
    ),
    rule(
        "import-failed",
        "error",
        "An imported Python file fails",
        "Executing a Python file that is imported raised an error. (Checking executes nothing, so only loading, running and testing "
        "report it.)",
        "The names that it would have defined are missing.",
        """
        # shop.py begins with `import a_library_that_is_not_installed`
        from "./shop.py" import reserve

        flow main() -> Any:
            return reserve("A")
        """,
        """
        from math import sqrt

        flow main() -> Any:
            return sqrt(1)
        """,
    ),
    rule(
        "import-cycle",
        "error",
        "Files import one another",
        "A `.cflow` file is imported by a file that it imports itself.",
        "Neither could be read first.",
        """
        # orders.cflow
        from "./orders.cflow" import clean

        flow main() -> Any:
            return clean(1)
        """,
        """
        flow clean(x: int) -> int:
            return x

        flow main() -> Any:
            return clean(1)
        """,
    ),
    rule(
        "duplicate-name",
        "error",
        "A name is declared twice",
        "Two declarations or imports of a file, or two of its tests, have one name.",
        "Only one of them could be meant, and which one would depend on their order.",
        """
        const CAP: int = 1
        const CAP: int = 2

        flow main() -> int:
            return CAP
        """,
        """
        const CAP: int = 1
        const MOST: int = 2

        flow main() -> int:
            return CAP + MOST
        """,
    ),
    rule(
        "reserved-name",
        "error",
        "A declaration has the name of a form",
        "`race`, `sleep`, `wait_signal`, `detach`, `convert`, `attempt` and `calls` are forms of the language.",
        "What is declared under such a name could never be called.",
        """
        from math import sqrt as race

        flow main() -> Any:
            return race(1)
        """,
        """
        from math import sqrt as root

        flow main() -> Any:
            return root(1)
        """,
    ),
    rule(
        "declaration-cycle",
        "error",
        "A declaration that is made of itself",
        "A constant or an alias names itself, perhaps by way of others. A record may name itself.",
        "It would have no end.",
        """
        const A: int = B + 1
        const B: int = A + 1

        flow main() -> int:
            return A
        """,
        """
        const A: int = B + 1
        const B: int = 1

        flow main() -> int:
            return A
        """,
    ),
    rule(
        "type-too-big",
        "error",
        "A type without bounds",
        "Aliases of aliases give a type that is very large when written out.",
        "Checking takes bounded time and memory, whoever wrote the text.",
        """
        type A0 = int
        type A1 = tuple[A0, A0]
        type A2 = tuple[A1, A1]
        type A3 = tuple[A2, A2]
        type A4 = tuple[A3, A3]
        type A5 = tuple[A4, A4]
        type A6 = tuple[A5, A5]
        type A7 = tuple[A6, A6]
        type A8 = tuple[A7, A7]
        type A9 = tuple[A8, A8]

        flow main(a: A9) -> int:
            return 1
        """,
        """
        type A0 = int
        type A1 = tuple[A0, A0]
        type A2 = tuple[A1, A1]
        type A3 = tuple[A2, A2]

        flow main(a: A3) -> int:
            return 1
        """,
    ),
    rule(
        "not-constant",
        "error",
        "Not a constant",
        "The value of a `const`, or a default in a declaration, is not known from the text, cannot be computed, or would be too large.",
        "Constants are computed while checking, which runs no node and takes bounded time.",
        """
        secret KEY
        const TOKEN: str = "Bearer " + KEY

        flow main() -> str:
            return TOKEN
        """,
        """
        secret KEY

        flow main() -> str:
            return "Bearer " + KEY
        """,
    ),
    rule(
        "wrong-constant",
        "error",
        "A constant does not fit its type",
        "The value of a `const`, or a default in a declaration, is not of the type that is written there.",
        "Everything that uses the name relies on its type.",
        """
        const CAP: int = "many"

        flow main() -> int:
            return CAP
        """,
        """
        const CAP: int = 1_000

        flow main() -> int:
            return CAP
        """,
    ),
    rule(
        "field-name",
        "error",
        "A field cannot have this name",
        "The name of a record's field begins with `_`, or is `self`.",
        "Names that begin with `_` cannot be read as attributes, so the field would be of no use.",
        """
        type Order:
            _id: int

        flow main(order: Order) -> Order:
            return order
        """,
        """
        type Order:
            id: int

        flow main(order: Order) -> Order:
            return order
        """,
    ),
    rule(
        "unknown-type",
        "error",
        "No such type",
        "An annotation names a type that is neither built in, nor declared, nor imported.",
        "Nothing could be checked against it.",
        """
        flow main(day: dat) -> Any:
            return day
        """,
        """
        flow main(day: date) -> Any:
            return day
        """,
    ),
    rule(
        "not-a-type",
        "error",
        "Not a type",
        "An annotation is something else than a type, or a type with arguments that it does not take.",
        "Nothing could be checked against it.",
        """
        flow main(ids: dict[int]) -> Any:
            return ids
        """,
        """
        flow main(ids: dict[int, str]) -> Any:
            return ids
        """,
    ),
)
"""The rules of loading."""
