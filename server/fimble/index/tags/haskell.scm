(header module: (module) @name) @definition.module
(data_type name: (_) @name) @definition.enum
(newtype name: (_) @name) @definition.struct
(data_constructor [(record name: (_) @name) (prefix name: (_) @name)]) @definition.enum_member
(newtype_constructor name: (_) @name) @definition.enum_member
(gadt_constructor name: (constructor) @name) @definition.enum_member
(field name: (field_name) @name) @definition.field
(type_synonym name: (_) @name) @definition.type
(type_family name: (_) @name) @definition.type
(class name: (_) @name declarations: (_)? @body) @definition.interface
(instance name: (_) @name declarations: (_)? @body) @definition.implementation

; A function is a signature and one or more equations; what `where` and `let` bind is not captured.
(declarations [
  (signature name: [(variable) @name (prefix_id (operator) @name)])
  (signature names: (binding_list [(variable) @name (prefix_id (operator) @name)]))
  (function name: (variable) @name match: (_) @body)
  (function (infix operator: (operator) @name) match: (_) @body)
  (bind name: (variable) @name match: (_) @body)
] @definition.function)
(class_declarations [
  (signature name: [(variable) @name (prefix_id (operator) @name)])
  (signature names: (binding_list [(variable) @name (prefix_id (operator) @name)]))
] @definition.function)
(instance_declarations [
  (function name: (variable) @name match: (_) @body)
  (function (infix operator: (operator) @name) match: (_) @body)
  (bind name: (variable) @name match: (_) @body)
] @definition.function)
(foreign_import signature: (signature name: (variable) @name)) @definition.function

(import module: (module) @module !names !alias) @import
(import module: (module) @module !names alias: (module) @alias) @import
((import module: (module) @module names: (import_list name: (import_name [(variable) (name) (prefix_id)] @imported)))
  @import (#not-match? @import "\\shiding\\b"))
((import module: (module) @module names: (import_list)) @import (#match? @import "\\shiding\\b"))
