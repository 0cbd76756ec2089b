(class_definition name: (identifier) @name body: (_) @body) @definition.class
(mixin_declaration (identifier) @name (class_body) @body) @definition.interface
(extension_declaration name: (identifier) @name body: (_) @body) @definition.implementation
(extension_type_declaration name: (identifier) @name body: (_) @body) @definition.class
(enum_declaration name: (identifier) @name body: (_) @body) @definition.enum
(enum_constant name: (identifier) @name) @definition.enum_member
(type_alias (type_identifier) @name (type_parameters)? "=") @definition.type
(type_alias (type_identifier) @name . (formal_parameter_list)) @definition.type

; A signature and its body stand next to each other.
((function_signature name: (identifier) @name) @definition.function
  . (function_body)? @definition.function @body
  (#set! neighbours "yes"))
((method_signature (function_signature name: (identifier) @name)) @definition.function
  . (function_body)? @definition.function @body)
((method_signature (operator_signature [(binary_operator) "==" "[]" "[]=" "~"] @name)) @definition.function
  . (function_body)? @definition.function @body)
((method_signature [(getter_signature name: (identifier) @name) (setter_signature name: (identifier) @name)])
  @definition.field . (function_body)? @definition.field @body)
(declaration [(getter_signature name: (identifier) @name) (setter_signature name: (identifier) @name)]) @definition.field
(declaration (function_signature name: (identifier) @name)) @definition.function
(program (getter_signature name: (identifier) @name) @definition.variable
  . (function_body)? @definition.variable @body)
((method_signature [
  (constructor_signature name: (identifier) @name . parameters: (_))
  (factory_constructor_signature (identifier) @name . (formal_parameter_list))
]) @definition.constructor . (function_body)? @definition.constructor @body)
(declaration [
  (constructor_signature name: (identifier) @name . parameters: (_))
  (constant_constructor_signature (identifier) @name . (formal_parameter_list))
  (factory_constructor_signature (identifier) @name . (formal_parameter_list))
  (redirecting_factory_constructor_signature (identifier) @name . (formal_parameter_list))
]) @definition.constructor

(declaration [
  (initialized_identifier_list (initialized_identifier . (identifier) @name))
  (static_final_declaration_list (static_final_declaration . (identifier) @name))
]) @definition.field
(program (static_final_declaration_list (static_final_declaration . (identifier) @name) @definition.constant))
(program (initialized_identifier_list (initialized_identifier . (identifier) @name) @definition.variable))

(import_specification (configurable_uri) @module (identifier)? @alias) @import
(library_export (configurable_uri) @module) @import
(part_directive (uri) @module) @import
