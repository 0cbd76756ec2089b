; In functions only named functions and classes count.
(function_declaration name: (_) @name body: (_) @inner (#set! word "function")) @definition.function
(generator_function_declaration name: (_) @name body: (_) @inner (#set! word "function")) @definition.function
(class_declaration name: (_) @name body: (_) @scope (#set! word "class ")) @definition.class
(function_signature name: (_) @name (#set! word "function")) @definition.function
(abstract_class_declaration name: (_) @name body: (_) @scope (#set! word "class ")) @definition.class
(interface_declaration name: (_) @name body: (_) @scope) @definition.interface
(enum_declaration name: (_) @name body: (_) @scope) @definition.enum
(type_alias_declaration name: (_) @name value: (object_type) @scope) @definition.type
(type_alias_declaration name: (_) @name) @definition.type
(internal_module name: (_) @name body: (_) @scope) @definition.namespace
(expression_statement (internal_module name: (_) @name body: (_) @scope) @definition.namespace)
(module name: [(identifier) @name (string (string_fragment) @name)] body: (_) @scope) @definition.namespace
(module body: (_) @scope)
(ambient_declaration (statement_block) @scope)
(export_statement declaration: (_)) @scope
(ambient_declaration) @scope

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
    (as_expression . (object) @body)
    (satisfies_expression . (object) @body)
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
  (as_expression . (object) @scope)
  (satisfies_expression . (object) @scope)
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
    (as_expression . (object) @body)
    (satisfies_expression . (object) @body)
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
  (as_expression . (object) @scope)
  (satisfies_expression . (object) @scope)
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
(method_definition
  parameters: (formal_parameters [
    (required_parameter (accessibility_modifier) pattern: (identifier) @name)
    (required_parameter "readonly" pattern: (identifier) @name)
    (optional_parameter (accessibility_modifier) pattern: (identifier) @name)
  ] @definition.field))
(method_signature name: [(property_identifier) (private_property_identifier)] @name) @definition.method
(abstract_method_signature name: [(property_identifier) (private_property_identifier)] @name) @definition.method
(public_field_definition
  name: (_) @name
  value: [(arrow_function body: (_) @inner) (function_expression body: (_) @inner)]) @definition.method
(public_field_definition name: [(property_identifier) (private_property_identifier)] @name) @definition.field
(property_signature name: [(property_identifier) (private_property_identifier)] @name) @definition.field
(enum_body name: (property_identifier) @name @definition.enum_member)
(enum_assignment name: [(property_identifier) @name (string (string_fragment) @name)]) @definition.enum_member
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
(import_alias) @import
