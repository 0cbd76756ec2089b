; Functions and their prototypes.
(function_definition
  declarator: [
    (function_declarator declarator: [
      (identifier) @name
      (parenthesized_declarator (identifier) @name)
      (parenthesized_declarator
        (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))
    ])
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
    (pointer_declarator
      declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))
  ]
  body: (_) @body) @definition.function
(declaration
  declarator: [
    (function_declarator declarator: [(identifier) @name (parenthesized_declarator (identifier) @name)])
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
    (pointer_declarator
      declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))
  ]) @definition.function

(preproc_def name: (_) @name) @definition.macro
(preproc_function_def name: (_) @name) @definition.macro

; Types, which may be declared within a declaration of something else.
(struct_specifier name: (type_identifier) @name body: (_) @scope) @definition.struct
(declaration type: (struct_specifier name: (type_identifier) @name body: (_) @scope) @definition.struct)
(type_definition type: (struct_specifier name: (type_identifier) @name body: (_) @scope) @definition.struct)
(field_declaration type: (struct_specifier name: (type_identifier) @name body: (_) @scope) @definition.struct)
(union_specifier name: (type_identifier) @name body: (_) @scope) @definition.struct
(declaration type: (union_specifier name: (type_identifier) @name body: (_) @scope) @definition.struct)
(type_definition type: (union_specifier name: (type_identifier) @name body: (_) @scope) @definition.struct)
(field_declaration type: (union_specifier name: (type_identifier) @name body: (_) @scope) @definition.struct)
(enum_specifier name: (type_identifier) @name body: (_) @scope) @definition.enum
(declaration type: (enum_specifier name: (type_identifier) @name body: (_) @scope) @definition.enum)
(type_definition type: (enum_specifier name: (type_identifier) @name body: (_) @scope) @definition.enum)
(field_declaration type: (enum_specifier name: (type_identifier) @name body: (_) @scope) @definition.enum)
(enumerator name: (_) @name) @definition.enum_member
(type_definition
  type: [(struct_specifier !name body: (_) @scope) (union_specifier !name body: (_) @scope)]
  declarator: (type_identifier) @name) @definition.struct
(type_definition
  type: (enum_specifier !name body: (_) @scope) declarator: (type_identifier) @name) @definition.enum
(type_definition
  declarator: [
    (type_identifier) @name
    (pointer_declarator declarator: (type_identifier) @name)
    (pointer_declarator declarator: (pointer_declarator declarator: (type_identifier) @name))
    (array_declarator declarator: (type_identifier) @name)
    (function_declarator declarator: [
      (type_identifier) @name
      (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name))
      (parenthesized_declarator (type_identifier) @name)
    ])
    (pointer_declarator declarator: (function_declarator declarator: [
      (type_identifier) @name
      (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name))
    ]))
  ]) @definition.type

(field_declaration
  declarator: [
    (field_identifier) @name
    (pointer_declarator declarator: [
      (field_identifier) @name
      (pointer_declarator declarator: (field_identifier) @name)
      (array_declarator declarator: (field_identifier) @name)
      (function_declarator
        declarator: (parenthesized_declarator (pointer_declarator declarator: (field_identifier) @name)))
    ])
    (array_declarator declarator: [
      (field_identifier) @name
      (array_declarator declarator: (field_identifier) @name)
    ])
    (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: [
      (field_identifier) @name
      (array_declarator declarator: (field_identifier) @name)
    ])))
  ]) @definition.field
(field_declaration
  type: [(struct_specifier !name body: (_) @scope) (union_specifier !name body: (_) @scope)]
  declarator: [
    (field_identifier) @name
    (pointer_declarator declarator: (field_identifier) @name)
    (array_declarator declarator: (field_identifier) @name)
  ]) @definition.field
; Members, without regard to what the type is called. Those of a struct without a name belong to the one around it.
([
  (struct_specifier body: (_) @scope)
  (union_specifier body: (_) @scope)
  (enum_specifier body: (_) @scope)
])
(declaration type: [
  (struct_specifier body: (_) @scope)
  (union_specifier body: (_) @scope)
  (enum_specifier body: (_) @scope)
])
(type_definition type: [
  (struct_specifier body: (_) @scope)
  (union_specifier body: (_) @scope)
  (enum_specifier body: (_) @scope)
])
(field_declaration type: [
  (struct_specifier body: (_) @scope)
  (union_specifier body: (_) @scope)
  (enum_specifier body: (_) @scope)
])

(declaration
  declarator: [
    (identifier) @name
    (init_declarator declarator: [
      (identifier) @name
      (pointer_declarator declarator: [
        (identifier) @name
        (pointer_declarator declarator: (identifier) @name)
        (array_declarator declarator: (identifier) @name)
      ])
      (array_declarator declarator: [
        (identifier) @name
        (array_declarator declarator: (identifier) @name)
      ])
      (function_declarator
        declarator: (parenthesized_declarator (pointer_declarator declarator: (identifier) @name)))
    ])
    (pointer_declarator declarator: [
      (identifier) @name
      (pointer_declarator declarator: (identifier) @name)
      (array_declarator declarator: (identifier) @name)
    ])
    (array_declarator declarator: [
      (identifier) @name
      (array_declarator declarator: (identifier) @name)
    ])
    (function_declarator
      declarator: (parenthesized_declarator (pointer_declarator declarator: (identifier) @name)))
  ]) @definition.variable

; What the preprocessor and `extern "C"` put around definitions.
([(preproc_ifdef) (preproc_if) (preproc_elif) (preproc_elifdef) (preproc_else)] @scope)
(linkage_specification body: (declaration_list) @scope)
(linkage_specification body: [(declaration) (function_definition)]) @scope
(ERROR) @scope

(preproc_include) @import
