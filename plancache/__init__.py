"""What checking and planning gave, kept between processes, so that an unchanged file starts at once.

:mod:`.place` owns the folder and who may be trusted in it, :mod:`.stamp` what an entry depends on, :mod:`.recipes` how
real objects are found again; :mod:`.plans` and :mod:`.checks` are the two kinds of entries. What a load has read and
imported is told by its witness (:mod:`cflow.dsl.loader.witness`). Modules here stand before anything heavy, so at their
top they import only builtins and what Python has loaded anyway. Whatever goes wrong means that there is no entry
(docs/decisions/0014).
"""
