; Functions and their prototypes. @qualified is a name with the names around it; only its last part counts.
(function_definition
  declarator: [
    (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified)
    (pointer_declarator declarator: (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified)))
    (reference_declarator (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified))
  ]
  body: (_) @body) @definition.function
(function_definition
  declarator: (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified)
  !body) @definition.function
(template_declaration (function_definition
  declarator: [
    (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified)
    (pointer_declarator declarator: (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified)))
    (reference_declarator (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified))
  ]
  body: (_) @body)) @definition.function
(template_declaration (function_definition
  declarator: (function_declarator declarator: [
      (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
    ] @qualified)
  !body)) @definition.function
([
  (declaration declarator: [
      (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified)
      (pointer_declarator declarator: (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified))
      (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified)))
      (reference_declarator (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified))
  ])
  (field_declaration declarator: [
      (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified)
      (pointer_declarator declarator: (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified))
      (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified)))
      (reference_declarator (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified))
  ])
  (template_declaration (declaration declarator: [
      (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified)
      (pointer_declarator declarator: (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified))
      (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified)))
      (reference_declarator (function_declarator declarator: [
        (identifier) (field_identifier) (destructor_name) (operator_name) (qualified_identifier) (template_function)
      ] @qualified))
  ]))
] @definition.function)

(preproc_def name: (_) @name) @definition.macro
(preproc_function_def name: (_) @name) @definition.macro

; Types, which may be declared within a declaration of something else.
(class_specifier name: (_) @qualified body: (_) @scope) @definition.class
(declaration type: (class_specifier name: (_) @qualified body: (_) @scope) @definition.class)
(type_definition type: (class_specifier name: (_) @qualified body: (_) @scope) @definition.class)
(field_declaration type: (class_specifier name: (_) @qualified body: (_) @scope) @definition.class)
(template_declaration (class_specifier name: (_) @qualified body: (_) @scope)) @definition.class
(struct_specifier name: (_) @qualified body: (_) @scope) @definition.struct
(declaration type: (struct_specifier name: (_) @qualified body: (_) @scope) @definition.struct)
(type_definition type: (struct_specifier name: (_) @qualified body: (_) @scope) @definition.struct)
(field_declaration type: (struct_specifier name: (_) @qualified body: (_) @scope) @definition.struct)
(template_declaration (struct_specifier name: (_) @qualified body: (_) @scope)) @definition.struct
(union_specifier name: (_) @qualified body: (_) @scope) @definition.struct
(declaration type: (union_specifier name: (_) @qualified body: (_) @scope) @definition.struct)
(type_definition type: (union_specifier name: (_) @qualified body: (_) @scope) @definition.struct)
(field_declaration type: (union_specifier name: (_) @qualified body: (_) @scope) @definition.struct)
(template_declaration (union_specifier name: (_) @qualified body: (_) @scope)) @definition.struct
(enum_specifier name: (_) @qualified body: (_) @scope) @definition.enum
(declaration type: (enum_specifier name: (_) @qualified body: (_) @scope) @definition.enum)
(type_definition type: (enum_specifier name: (_) @qualified body: (_) @scope) @definition.enum)
(field_declaration type: (enum_specifier name: (_) @qualified body: (_) @scope) @definition.enum)
(enumerator name: (_) @name) @definition.enum_member
(alias_declaration name: (_) @name) @definition.type
(template_declaration [(alias_declaration name: (_) @name) (concept_definition name: (_) @name)]) @definition.type
(namespace_alias_definition name: (_) @name) @definition.namespace
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
    (reference_declarator (field_identifier) @name)
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
  (class_specifier body: (_) @scope)
  (struct_specifier body: (_) @scope)
  (union_specifier body: (_) @scope)
  (enum_specifier body: (_) @scope)
])
(declaration type: [
  (class_specifier body: (_) @scope)
  (struct_specifier body: (_) @scope)
  (union_specifier body: (_) @scope)
  (enum_specifier body: (_) @scope)
])
(type_definition type: [
  (class_specifier body: (_) @scope)
  (struct_specifier body: (_) @scope)
  (union_specifier body: (_) @scope)
  (enum_specifier body: (_) @scope)
])
(field_declaration type: [
  (class_specifier body: (_) @scope)
  (struct_specifier body: (_) @scope)
  (union_specifier body: (_) @scope)
  (enum_specifier body: (_) @scope)
])
(template_declaration [
  (class_specifier body: (_) @scope)
  (struct_specifier body: (_) @scope)
  (union_specifier body: (_) @scope)
  (enum_specifier body: (_) @scope)
])

(declaration
  declarator: [
    (identifier) @name
    (reference_declarator (identifier) @name)
    (init_declarator declarator: [
      (identifier) @name
      (reference_declarator (identifier) @name)
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
(declaration declarator: (init_declarator declarator: (qualified_identifier) @qualified)) @definition.variable

; What the preprocessor and `extern "C"` put around definitions.
([(preproc_ifdef) (preproc_if) (preproc_elif) (preproc_elifdef) (preproc_else)] @scope)
(linkage_specification body: (declaration_list) @scope)
(linkage_specification body: [(declaration) (function_definition)]) @scope
(namespace_definition name: (_) @name body: (_) @scope) @definition.namespace
(namespace_definition body: (_) @scope)
(ERROR) @scope

([(preproc_include) (using_declaration)] @import)
