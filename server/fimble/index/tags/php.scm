(namespace_definition name: (namespace_name) @name) @definition.namespace
(class_declaration name: (name) @name body: (_) @body) @definition.class
(interface_declaration name: (name) @name body: (_) @body) @definition.interface
(trait_declaration name: (name) @name body: (_) @body) @definition.interface
(enum_declaration name: (name) @name body: (_) @body) @definition.enum
(enum_case name: (name) @name) @definition.enum_member

(function_definition name: (name) @name body: (_) @body) @definition.function
(method_declaration name: (name) @name body: (_)? @body (#not-eq? @name "__construct")) @definition.method
(method_declaration name: (name) @name body: (_)? @body (#eq? @name "__construct")) @definition.constructor
(program (expression_statement (assignment_expression
  left: (variable_name (name) @name)
  right: [(anonymous_function body: (_) @body) (arrow_function body: (_) @body)])) @definition.function)

(const_declaration (const_element . (name) @name)) @definition.constant
(function_call_expression function: (name) @_define
  arguments: (arguments . (argument (string . (string_content) @name .)))
  (#eq? @_define "define")) @definition.constant
(property_declaration (property_element name: (variable_name (name) @name))) @definition.field
(property_promotion_parameter name: (variable_name (name) @name)) @definition.field
(program (expression_statement (assignment_expression
  left: (variable_name (name) @name))) @definition.variable)

; `use A\B`, `use A\B as C`, `use A\{B, C as D}`.
(namespace_use_declaration (namespace_use_clause !alias
  [(name) @imported (qualified_name prefix: (namespace_name) @module (name) @imported)])) @import
(namespace_use_declaration (namespace_use_clause
  [(name) @imported (qualified_name prefix: (namespace_name) @module (name) @imported)] alias: (name) @alias)) @import
(namespace_use_declaration (namespace_name) @module
  body: (namespace_use_group (namespace_use_clause !alias [(name) (qualified_name)] @imported))) @import
(namespace_use_declaration (namespace_name) @module
  body: (namespace_use_group (namespace_use_clause [(name) (qualified_name)] @imported alias: (name) @alias))) @import
; The file is a string, perhaps below `__DIR__ .` and perhaps in parentheses.
(require_expression [(string (string_content) @module) (encapsed_string (string_content) @module)
  (binary_expression right: (string (string_content) @module))]) @import
(require_once_expression [(string (string_content) @module) (encapsed_string (string_content) @module)
  (binary_expression right: (string (string_content) @module))]) @import
(include_expression [(string (string_content) @module) (encapsed_string (string_content) @module)
  (binary_expression right: (string (string_content) @module))]) @import
(include_once_expression [(string (string_content) @module) (encapsed_string (string_content) @module)
  (binary_expression right: (string (string_content) @module))]) @import
