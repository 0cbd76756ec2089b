; Whether a function is a method, or a variable a field, follows from what is around it, see extraction.py.
(function_definition name: (identifier) @name body: (block) @inner (#set! word "def ")) @definition.function
(class_definition name: (identifier) @name body: (block) @scope (#set! word "class ")) @definition.class
(decorated_definition
  definition: (function_definition name: (identifier) @name body: (block) @inner) @definition.function
  (#set! word "def "))
(decorated_definition
  definition: (class_definition name: (identifier) @name body: (block) @scope) @definition.class
  (#set! word "class "))
(type_alias_statement left: (type [(identifier) @name (generic_type . (identifier) @name)])) @definition.type
(expression_statement
  (assignment left: (identifier) @name right: (lambda body: (_) @body)) @definition.function)

; Names that a module or a class assigns; those that a constructor assigns are found by instance_attributes.py.
(expression_statement (assignment left: (identifier) @name) @definition.variable)
(expression_statement
  (assignment left: [(pattern_list (identifier) @name) (tuple_pattern (identifier) @name)]) @definition.variable)
(expression_statement (assignment right: (assignment left: (identifier) @name) @definition.variable))
(expression_statement
  (assignment right: (assignment right: (assignment left: (identifier) @name) @definition.variable)))

; Statements that hold definitions of the same rank.
(if_statement consequence: (block) @scope)
(if_statement alternative: [(elif_clause consequence: (block) @scope) (else_clause body: (block) @scope)])
(try_statement body: (block) @scope)
(try_statement [
  (except_clause (block) @scope)
  (finally_clause (block) @scope)
  (else_clause body: (block) @scope)
])
(with_statement body: (block) @scope)
(for_statement body: (block) @scope)
(for_statement alternative: (else_clause body: (block) @scope))
(while_statement body: (block) @scope)
(while_statement alternative: (else_clause body: (block) @scope))
(match_statement body: (block) @scope)
(case_clause consequence: (block) @scope)
(ERROR) @scope

; Imports, which imports.py takes apart.
([(import_statement) (import_from_statement) (future_import_statement)] @import (#set! word "import "))
