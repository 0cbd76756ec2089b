; `function f`, `function M.f`, `function M:f`: the name is the last part.
(function_declaration name: [
  (identifier) @name
  (dot_index_expression field: (identifier) @name)
] body: (_)? @body) @definition.function
(function_declaration name: (method_index_expression method: (identifier) @name) body: (_)? @body) @definition.method
; `M.f = function`, with and without `local` before it, and the same in a table.
(assignment_statement
  (variable_list . name: [(identifier) @name (dot_index_expression field: (identifier) @name)])
  (expression_list . value: (function_definition body: (_)? @body))) @definition.function
(variable_declaration (assignment_statement
  (variable_list . name: (identifier) @name)
  (expression_list . value: (function_definition body: (_)? @body)))) @definition.function
(field name: (identifier) @name value: (function_definition body: (_)? @body)) @definition.function

; What a file assigns at its top level, modules that it requires excepted.
(chunk (variable_declaration (assignment_statement
  (variable_list name: (identifier) @name) (expression_list . value: (_) @_value))
  (#not-match? @_value "^(require|function)\\b")) @definition.variable)
(chunk (assignment_statement
  (variable_list name: (identifier) @name) (expression_list . value: (_) @_value)
  (#not-match? @_value "^(require|function)\\b")) @definition.variable)
(chunk (assignment_statement
  (variable_list name: (dot_index_expression field: (identifier) @name)) (expression_list . value: (_) @_value)
  (#not-match? @_value "^function\\b")) @definition.field)

(variable_declaration (assignment_statement
  (variable_list . name: (identifier) @alias)
  (expression_list . value: (function_call
    name: (identifier) @_call arguments: (arguments . (string content: (string_content) @module) .))))
  (#eq? @_call "require")) @import
(chunk (function_call
  name: (identifier) @_call arguments: (arguments . (string content: (string_content) @module) .)) @import
  (#any-of? @_call "require" "dofile"))
(dot_index_expression table: (function_call
  name: (identifier) @_call arguments: (arguments . (string content: (string_content) @module) .))
  (#eq? @_call "require")) @import
(method_index_expression table: (function_call
  name: (identifier) @_call arguments: (arguments . (string content: (string_content) @module) .))
  (#eq? @_call "require")) @import
