; The keys of the first two levels; a key with an escape in it has no name that could be found in the text.
(document (object (pair key: (string . (string_content) @name .)) @definition.key))
(document (object (pair value: (object (pair key: (string . (string_content) @name .)) @definition.key))))
; Of a text that is broken from the start, what can be told apart.
(ERROR (pair key: (string . (string_content) @name .)) @definition.key)
(document (ERROR) @scope)
