(class_declaration name: (_) @name body: (_) @scope) @definition.class
(record_declaration name: (_) @name body: (_) @scope) @definition.class
(record_declaration parameters: (formal_parameters (formal_parameter name: (_) @name) @definition.field))
(interface_declaration name: (_) @name body: (_) @scope) @definition.interface
(annotation_type_declaration name: (_) @name body: (_) @scope) @definition.interface
(enum_declaration name: (_) @name body: (_) @scope) @definition.enum
(enum_body_declarations) @scope
(enum_constant name: (_) @name body: (_) @scope) @definition.enum_member
(enum_constant name: (_) @name !body) @definition.enum_member

(method_declaration name: (_) @name body: (_) @body) @definition.method
(method_declaration name: (_) @name !body) @definition.method
(annotation_type_element_declaration name: (_) @name) @definition.method
(constructor_declaration name: (_) @name body: (_) @body) @definition.constructor
(compact_constructor_declaration name: (_) @name body: (_) @body) @definition.constructor

([
  (field_declaration declarator: (variable_declarator name: (_) @name))
  (constant_declaration declarator: (variable_declarator name: (_) @name))
] @definition.field)

(import_declaration) @import
(ERROR) @scope
