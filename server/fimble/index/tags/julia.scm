(module_definition name: (identifier) @name) @definition.module
(struct_definition (type_head [
  (identifier) @name
  (parametrized_type_expression . (identifier) @name)
  (binary_expression . [(identifier) @name (parametrized_type_expression . (identifier) @name)])
])) @definition.struct
(struct_definition [
  (identifier) @name
  (typed_expression . (identifier) @name)
  (assignment . [(identifier) @name (typed_expression . (identifier) @name)])
] @definition.field)
(abstract_definition (type_head [
  (identifier) @name
  (parametrized_type_expression . (identifier) @name)
  (binary_expression . [(identifier) @name (parametrized_type_expression . (identifier) @name)])
])) @definition.interface
(primitive_definition (type_head [(identifier) @name (binary_expression . (identifier) @name)])) @definition.type
(macrocall_expression (macro_identifier (identifier) @_macro) (macro_argument_list . (identifier) @name)
  (#eq? @_macro "enum")) @definition.enum

; `function f(x) … end` and `f(x) = …`, perhaps with a return type and a `where`; `Base.show` is called `show`.
(function_definition (signature [
  (identifier) @name
  (call_expression . [(identifier) (operator)] @name)
  (call_expression . (field_expression (identifier) @name .))
  (_ . (call_expression . [(identifier) (operator)] @name))
  (_ . (call_expression . (field_expression (identifier) @name .)))
  (_ . (_ . (call_expression . [(identifier) (operator)] @name)))
  (_ . (_ . (call_expression . (field_expression (identifier) @name .))))
]) . (_)? @body) @definition.function
(assignment . [
  (call_expression . [(identifier) (operator)] @name)
  (call_expression . (field_expression (identifier) @name .))
  (where_expression . (call_expression . [(identifier) (operator)] @name))
  (where_expression . (call_expression . (field_expression (identifier) @name .)))
  (typed_expression . (call_expression . [(identifier) (operator)] @name))
  (typed_expression . (call_expression . (field_expression (identifier) @name .)))
] . (operator) . (_) @body) @definition.function
(macro_definition (signature (call_expression . (identifier) @name))) @definition.macro

(const_statement (assignment . [(identifier) @name (typed_expression . (identifier) @name)])) @definition.constant
(source_file (assignment . [(identifier) @name (typed_expression . (identifier) @name)]) @definition.variable)
(module_definition (assignment . [(identifier) @name (typed_expression . (identifier) @name)]) @definition.variable)
(source_file (global_statement (assignment . (identifier) @name)) @definition.variable)
(module_definition (global_statement (assignment . (identifier) @name)) @definition.variable)

([(using_statement [(identifier) (scoped_identifier) (import_path)] @module)
  (import_statement [(identifier) (scoped_identifier) (import_path)] @module)]) @import
(selected_import . (_) @module (_) @imported) @import
(import_alias . (_) @module (_) @alias) @import
(call_expression . (identifier) @_call (argument_list . (string_literal (content) @module) .)
  (#eq? @_call "include")) @import
