; What a container is called is the name of the constant that holds it.
(variable_declaration (identifier) @name (struct_declaration)) @definition.struct
(variable_declaration (identifier) @name (union_declaration)) @definition.struct
(variable_declaration (identifier) @name (opaque_declaration)) @definition.struct
(variable_declaration (identifier) @name (enum_declaration)) @definition.enum
(variable_declaration (identifier) @name (error_set_declaration)) @definition.enum
(error_set_declaration (identifier) @name @definition.enum_member)
(enum_declaration (container_field name: (identifier) @name) @definition.enum_member)
(container_field name: (identifier) @name) @definition.field
(function_declaration name: (identifier) @name body: (_)? @body) @definition.function
(test_declaration [(string (string_content) @name) (identifier) @name] (block) @body) @definition.function

; Names at the top level of a file or a container, imports excepted.
(source_file (variable_declaration "const" (identifier) @name (_) @_value .
  (#not-match? @_value "^[@]import")) @definition.constant)
(source_file (variable_declaration "var" (identifier) @name) @definition.variable)
([(struct_declaration (variable_declaration "const" (identifier) @name (_) @_value .
  (#not-match? @_value "^[@]import")) @definition.constant)
  (enum_declaration (variable_declaration "const" (identifier) @name (_) @_value .) @definition.constant)
  (union_declaration (variable_declaration "const" (identifier) @name (_) @_value .) @definition.constant)])

(variable_declaration (identifier) @alias (builtin_function
  (builtin_identifier) @_call (arguments . (string (string_content) @module)))
  (#eq? @_call "@import")) @import
(using_namespace_declaration (builtin_function
  (builtin_identifier) @_call (arguments . (string (string_content) @module)))
  (#eq? @_call "@import")) @import
(field_expression object: (builtin_function
  (builtin_identifier) @_call (arguments . (string (string_content) @module)))
  (#eq? @_call "@import")) @import
