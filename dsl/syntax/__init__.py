"""The one typed syntax tree: what both spellings are read into, and the only thing lowering reads.

Trees of the same program in the two spellings are equal (spans do not count). Each front end resolves
its own surface: pipes are calls, ``with`` options and ``.options(...)`` are :class:`Option`, statement
forms such as ``parallel(xs, limit=8)`` or ``with timeout(5):`` are the fields and nodes below. Names are not resolved
here.
"""

from .declarations import (
    ConstDecl as ConstDecl,
    Declaration as Declaration,
    EnvDecl as EnvDecl,
    FieldDecl as FieldDecl,
    Flow as Flow,
    ImportFrom as ImportFrom,
    ImportPack as ImportPack,
    Module as Module,
    Param as Param,
    SecretDecl as SecretDecl,
    Test as Test,
    TypeDecl as TypeDecl,
)
from .expressions import (
    Attribute as Attribute,
    Binary as Binary,
    Call as Call,
    Compare as Compare,
    Comprehension as Comprehension,
    Conditional as Conditional,
    Constant as Constant,
    DictDisplay as DictDisplay,
    Display as Display,
    Expr as Expr,
    ForClause as ForClause,
    Form as Form,
    FormattedValue as FormattedValue,
    FString as FString,
    Keyword as Keyword,
    Logical as Logical,
    Name as Name,
    Option as Option,
    Slice as Slice,
    Starred as Starred,
    Subscript as Subscript,
    Unary as Unary,
    UndoCall as UndoCall,
)
from .patterns import (
    AsPattern as AsPattern,
    CapturePattern as CapturePattern,
    ClassPattern as ClassPattern,
    MappingPattern as MappingPattern,
    OrPattern as OrPattern,
    Pattern as Pattern,
    SequencePattern as SequencePattern,
    StarPattern as StarPattern,
    ValuePattern as ValuePattern,
)
from .statements import (
    Assert as Assert,
    Assign as Assign,
    AugAssign as AugAssign,
    Break as Break,
    Case as Case,
    Continue as Continue,
    Except as Except,
    ExprStmt as ExprStmt,
    For as For,
    If as If,
    Match as Match,
    Mock as Mock,
    Parallel as Parallel,
    Pass as Pass,
    Raise as Raise,
    Return as Return,
    Stmt as Stmt,
    Try as Try,
    Unsupported as Unsupported,
    While as While,
    With as With,
    Yield as Yield,
)
