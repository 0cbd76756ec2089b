(namespace_declaration name: (_) @name body: (_) @scope) @definition.namespace
(file_scoped_namespace_declaration name: (_) @name) @definition.namespace

(class_declaration name: (_) @name body: (_) @scope) @definition.class
(struct_declaration name: (_) @name body: (_) @scope) @definition.struct
(interface_declaration name: (_) @name body: (_) @scope) @definition.interface
(record_declaration name: (_) @name body: (_) @scope) @definition.class
(record_declaration name: (_) @name !body) @definition.class
([
  (record_declaration (parameter_list (parameter name: (_) @name) @definition.field))
  (class_declaration (parameter_list (parameter name: (_) @name) @definition.field))
  (struct_declaration (parameter_list (parameter name: (_) @name) @definition.field))
])
(enum_declaration name: (_) @name body: (_) @scope) @definition.enum
(enum_member_declaration name: (_) @name) @definition.enum_member
(delegate_declaration name: (_) @name) @definition.type

(method_declaration name: (_) @name body: (_) @body) @definition.method
(method_declaration name: (_) @name !body) @definition.method
(constructor_declaration name: (_) @name body: (_) @body) @definition.constructor
(property_declaration name: (_) @name accessors: (_) @body) @definition.field
(property_declaration name: (_) @name !accessors) @definition.field
(event_declaration name: (_) @name accessors: (_) @body) @definition.field
([
  (field_declaration (variable_declaration (variable_declarator name: (_) @name)))
  (event_field_declaration (variable_declaration (variable_declarator name: (_) @name)))
] @definition.field)
; A script's functions; those in methods are local.
(global_statement (local_function_statement name: (_) @name body: (_) @body) @definition.function)

([(preproc_if) (preproc_elif) (preproc_else) (preproc_region)] @scope)
(ERROR) @scope

(using_directive) @import
