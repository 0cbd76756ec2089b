; In functions only named functions and classes count.
(function_declaration name: (_) @name body: (_) @inner (#set! word "function")) @definition.function
(generator_function_declaration name: (_) @name body: (_) @inner (#set! word "function")) @definition.function
(class_declaration name: (_) @name body: (_) @scope (#set! word "class ")) @definition.class
(export_statement declaration: (_)) @scope

; Names for values. A function that a constant holds is a function. What is inside of a value is found without regard
; to the name, see README.md.
(lexical_declaration (variable_declarator
  name: (identifier) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ])) @definition.function
(lexical_declaration (variable_declarator name: (identifier) @name value: (class body: (_) @body))) @definition.class
(lexical_declaration (variable_declarator
  name: (identifier) @name
  value: [
    (object) @body
    (call_expression arguments: (arguments (object) @body))
    (call_expression function: (parenthesized_expression [
      (function_expression body: (_) @body)
      (arrow_function body: (_) @body)
    ]))
  ])) @definition.variable
(lexical_declaration (variable_declarator name: (identifier) @name)) @definition.variable
(lexical_declaration (variable_declarator name: [
  (object_pattern [
    (shorthand_property_identifier_pattern) @name
    (pair_pattern value: (identifier) @name)
    (object_assignment_pattern left: (shorthand_property_identifier_pattern) @name)
  ])
  (array_pattern (identifier) @name)
])) @definition.variable
(lexical_declaration (variable_declarator value: [
  (class body: (_) @scope)
  (object) @scope
  (call_expression arguments: (arguments (object) @scope))
  (arrow_function body: (_) @inner)
  (function_expression body: (_) @inner)
  (generator_function body: (_) @inner)
  (call_expression function: (parenthesized_expression [
    (function_expression body: (_) @inner)
    (arrow_function body: (_) @inner)
  ]))
]))
(variable_declaration (variable_declarator
  name: (identifier) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ])) @definition.function
(variable_declaration (variable_declarator name: (identifier) @name value: (class body: (_) @body))) @definition.class
(variable_declaration (variable_declarator
  name: (identifier) @name
  value: [
    (object) @body
    (call_expression arguments: (arguments (object) @body))
    (call_expression function: (parenthesized_expression [
      (function_expression body: (_) @body)
      (arrow_function body: (_) @body)
    ]))
  ])) @definition.variable
(variable_declaration (variable_declarator name: (identifier) @name)) @definition.variable
(variable_declaration (variable_declarator name: [
  (object_pattern [
    (shorthand_property_identifier_pattern) @name
    (pair_pattern value: (identifier) @name)
    (object_assignment_pattern left: (shorthand_property_identifier_pattern) @name)
  ])
  (array_pattern (identifier) @name)
])) @definition.variable
(variable_declaration (variable_declarator value: [
  (class body: (_) @scope)
  (object) @scope
  (call_expression arguments: (arguments (object) @scope))
  (arrow_function body: (_) @inner)
  (function_expression body: (_) @inner)
  (generator_function body: (_) @inner)
  (call_expression function: (parenthesized_expression [
    (function_expression body: (_) @inner)
    (arrow_function body: (_) @inner)
  ]))
]))

; What a module gives without a name.
(export_statement "default" @name value: [
  (arrow_function body: (_) @body)
  (function_expression !name body: (_) @body)
  (generator_function !name body: (_) @body)
]) @definition.function
(export_statement "default" @name value: (class !name body: (_) @body)) @definition.class
(export_statement value: [
  (arrow_function body: (_) @inner)
  (function_expression body: (_) @inner)
  (generator_function body: (_) @inner)
  (class body: (_) @scope)
  (object) @scope
  (call_expression arguments: (arguments (object) @scope))
])

; Members.
(method_definition name: (_) @name body: (_) @inner) @definition.method
(field_definition
  property: (_) @name
  value: [(arrow_function body: (_) @inner) (function_expression body: (_) @inner)]) @definition.method
(field_definition property: [(property_identifier) (private_property_identifier)] @name) @definition.field

; Members that are assigned: prototypes, static functions and what CommonJS exports.
(expression_statement
  (assignment_expression
    left: (member_expression object: [(identifier) (this)] property: (_) @name)
    right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) @definition.function
(expression_statement
  (assignment_expression
    left: (member_expression object: (member_expression property: (_) @_prototype) property: (_) @name)
    right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])
  (#not-eq? @_prototype "prototype")) @definition.function
(expression_statement
  (assignment_expression
    left: (member_expression object: (member_expression property: (_) @_prototype) property: (_) @name)
    right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])
  (#eq? @_prototype "prototype")) @definition.method
(expression_statement
  (assignment_expression
    left: (member_expression property: (property_identifier) @name)
    right: (class body: (_) @body))) @definition.class
(expression_statement
  (assignment_expression
    left: (member_expression
      object: [(identifier) @_exports (member_expression property: (_) @_exports)] property: (_) @name))
  (#eq? @_exports "exports")) @definition.variable
(expression_statement
  (assignment_expression right: [
    (arrow_function body: (_) @inner)
    (function_expression body: (_) @inner)
    (class body: (_) @scope)
    (object) @scope
  ]))
(pair key: (_) @name value: [(arrow_function body: (_) @inner) (function_expression body: (_) @inner)]) @definition.method
(pair value: (object) @scope)

; Functions that are called where they stand hold what a file defines, other callbacks at most named functions.
(expression_statement [
  (call_expression function: (parenthesized_expression [
    (function_expression body: (_) @scope)
    (arrow_function body: (_) @scope)
  ]))
  (call_expression function: (member_expression object: (parenthesized_expression
    (function_expression body: (_) @scope))))
  (parenthesized_expression (call_expression function: (function_expression body: (_) @scope)))
  (unary_expression argument: (call_expression function: (function_expression body: (_) @scope)))
])
(expression_statement (call_expression arguments: (arguments [
  (function_expression body: (_) @inner)
  (arrow_function body: (_) @inner)
])))

; Statements that hold definitions of the same rank.
(if_statement consequence: (statement_block) @scope)
(if_statement alternative: (else_clause [(statement_block) (if_statement)]) @scope)
(else_clause (statement_block) @scope)
(try_statement body: (statement_block) @scope)
(ERROR) @scope

; Imports, which imports.py takes apart.
(import_statement) @import
(export_statement source: (string)) @import
([
  (lexical_declaration (variable_declarator value: [
    (call_expression function: (identifier) @_require)
    (member_expression object: (call_expression function: (identifier) @_require))
  ]) @import)
  (variable_declaration (variable_declarator value: [
    (call_expression function: (identifier) @_require)
    (member_expression object: (call_expression function: (identifier) @_require))
  ]) @import)
] (#eq? @_require "require"))
