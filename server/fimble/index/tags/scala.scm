(package_clause name: (package_identifier) @name) @definition.namespace
(package_object name: (_) @name body: (_) @body) @definition.class
(class_definition name: (_) @name body: (_)? @body) @definition.class
(object_definition name: (_) @name body: (_)? @body) @definition.class
(trait_definition name: (_) @name body: (_)? @body) @definition.interface
(enum_definition name: (_) @name body: (_) @body) @definition.enum
(simple_enum_case name: (_) @name) @definition.enum_member
(full_enum_case name: (_) @name) @definition.enum_member
(given_definition name: (_) @name body: (_)? @body) @definition.implementation
(type_definition name: (_) @name) @definition.type

(function_definition name: [(identifier) (operator_identifier)] @name body: (_) @body
  (#not-eq? @name "this")) @definition.function
(function_definition name: (identifier) @name body: (_) @body (#eq? @name "this")) @definition.constructor
(function_declaration name: [(identifier) (operator_identifier)] @name) @definition.function

(class_parameter ["val" "var"] name: (identifier) @name) @definition.field
(class_definition "case" class_parameters: (class_parameters (class_parameter name: (identifier) @name) @definition.field))
(template_body [
  (val_definition pattern: (identifier) @name)
  (var_definition pattern: (identifier) @name)
  (val_declaration name: (identifier) @name)
  (var_declaration name: (identifier) @name)
] @definition.field)
(template_body [
  (val_definition pattern: (tuple_pattern (identifier) @name))
  (var_definition pattern: (tuple_pattern (identifier) @name))
] @definition.field)
(compilation_unit (val_definition pattern: (identifier) @name) @definition.constant)
(compilation_unit (var_definition pattern: (identifier) @name) @definition.variable)

; The path of an import is its identifiers and dots; what is taken from it may be a list in braces.
((import_declaration "import" . path: _+ @module) @import (#not-match? @import "[{]|[.](_|[*]|given)$"))
(import_declaration path: _+ @module . (namespace_wildcard) @imported) @import
(import_declaration path: _+ @module . (namespace_selectors [(identifier) (namespace_wildcard)] @imported)) @import
(import_declaration path: _+ @module . (namespace_selectors (_ name: (_) @imported alias: (_) @alias))) @import
