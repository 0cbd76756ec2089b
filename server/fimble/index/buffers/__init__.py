"""Symbols of the documents that are open in the editor, brought up to date after every keystroke.

`indexer` is what the language server uses; it keeps a child process (`process`) whose `buffer`s hold the syntax trees.

Why a process and not a thread: tree-sitter's parser holds Python's global lock for as long as it does not call back,
and it does not call back while it recovers from errors. 12 KB of `a<b<c<` as C# stood still for 390 ms in spite of a
deadline of 30 ms, 30 KB for 4 s, and nothing but the end of the process ends such a parse; a query of 50,000 lines
holds the lock for 50 ms more. A pipe costs a keystroke about 0.3 ms, and the child can be killed.
"""
