(package_header (qualified_identifier) @name) @definition.namespace

; A class with or without a body; what comes last tells the one from the other, so that no class matches twice.
(class_declaration "class" name: (identifier) @name (class_body) @body) @definition.class
(class_declaration "class" name: (identifier) @name .) @definition.class
(class_declaration "class" name: (identifier) @name
  [(type_parameters) (primary_constructor) (delegation_specifiers) (type_constraints)] .) @definition.class
(class_declaration "interface" name: (identifier) @name) @definition.interface
(class_declaration "class" name: (identifier) @name (enum_class_body) @body) @definition.enum
(enum_entry (identifier) @name) @definition.enum_member
(object_declaration name: (identifier) @name) @definition.class
(companion_object name: (identifier) @name) @definition.class
(type_alias type: (identifier) @name) @definition.type

(function_declaration name: (identifier) @name (function_body)? @body) @definition.function
(secondary_constructor "constructor" @name (block)? @body) @definition.constructor

(class_parameter ["val" "var"] (identifier) @name) @definition.field
(class_body (property_declaration (variable_declaration (identifier) @name)) @definition.field)
(enum_class_body (property_declaration (variable_declaration (identifier) @name)) @definition.field)
(source_file (property_declaration (variable_declaration (identifier) @name)) @definition.variable)
(source_file (property_declaration
  (modifiers (property_modifier) @_const) (variable_declaration (identifier) @name)) @definition.constant
  (#eq? @_const "const"))

((import (qualified_identifier) @module (identifier)? @alias) @import (#not-match? @import "[*]\\s*$"))
((import (qualified_identifier) @module "*" @imported) @import (#match? @import "[*]\\s*$"))
