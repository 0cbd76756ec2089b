; What is inside of functions has no name that others could use.
(function_declaration name: (identifier) @name body: (block) @body) @definition.function
(function_declaration name: (identifier) @name !body) @definition.function
(method_declaration name: (field_identifier) @name body: (block) @body) @definition.method
(method_elem name: (field_identifier) @name) @definition.method

; A definition is its line in a group, and where there is no group also the declaration with its keyword; of two
; definitions with one name the outer one counts.
(type_declaration "type" . (type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)))
  @definition.struct
(type_declaration "type" . (type_spec name: (_) @name type: (interface_type "{" @body))) @definition.interface
(type_declaration "type" . [(type_spec name: (_) @name) (type_alias name: (_) @name)]) @definition.type
(type_declaration
  (type_spec name: (_) @name type: (struct_type (field_declaration_list) @scope)) @definition.struct)
(type_declaration (type_spec name: (_) @name type: (interface_type "{" @body) @scope) @definition.interface)
(type_declaration [(type_spec name: (_) @name) (type_alias name: (_) @name)] @definition.type)

(field_declaration name: (field_identifier) @name) @definition.field
(field_declaration
  name: (field_identifier) @name type: (struct_type (field_declaration_list) @scope)) @definition.field
(field_declaration
  !name
  type: [
    (type_identifier) @name
    (qualified_type name: (_) @name)
    (generic_type type: (type_identifier) @name)
    (generic_type type: (qualified_type name: (_) @name))
  ]) @definition.field

(const_declaration "const" . (const_spec (identifier) @name)) @definition.constant
(const_declaration) @scope
(const_spec (identifier) @name) @definition.constant
(var_declaration (var_spec name: (identifier) @name)) @definition.variable
(var_declaration (var_spec_list) @scope)
(var_spec name: (identifier) @name) @definition.variable

(import_declaration (import_spec) @import)
(import_declaration (import_spec_list (import_spec) @import))
(ERROR) @scope
