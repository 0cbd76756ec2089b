(class_declaration declaration_kind: ["class" "actor"] name: (_) @name body: (_) @body) @definition.class
(class_declaration declaration_kind: "struct" name: (_) @name body: (_) @body) @definition.struct
(class_declaration declaration_kind: "enum" name: (_) @name body: (_) @body) @definition.enum
; An extension is named by the type that it extends, without that type's scope and arguments.
(class_declaration declaration_kind: "extension" name: (user_type (type_identifier) @name .)
  body: (_) @body) @definition.implementation
(class_declaration declaration_kind: "extension" name: (user_type (type_identifier) @name . (type_arguments) .)
  body: (_) @body) @definition.implementation
(protocol_declaration name: (_) @name body: (_) @body) @definition.interface
(typealias_declaration . (modifiers)? . name: (type_identifier) @name) @definition.type
(associatedtype_declaration name: (type_identifier) @name) @definition.type
(enum_entry name: (simple_identifier) @name) @definition.enum_member

(function_declaration name: [(simple_identifier) (custom_operator)] @name body: (_)? @body) @definition.function
(protocol_function_declaration name: [(simple_identifier) (custom_operator)] @name) @definition.function
(init_declaration name: "init" @name body: (_)? @body) @definition.constructor
(subscript_declaration "subscript" @name (computed_property)? @body) @definition.method
(macro_declaration (simple_identifier) @name) @definition.macro

(protocol_property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @definition.field
(class_body (property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @definition.field)
(enum_class_body (property_declaration
  name: (pattern bound_identifier: (simple_identifier) @name)) @definition.field)
(source_file (property_declaration
  name: (pattern bound_identifier: (simple_identifier) @name)) @definition.variable)
(source_file (property_declaration (value_binding_pattern mutability: "let")
  name: (pattern bound_identifier: (simple_identifier) @name)) @definition.constant)

(import_declaration (identifier) @module) @import
