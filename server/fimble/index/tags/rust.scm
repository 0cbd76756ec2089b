(function_item name: (_) @name body: (block) @inner (#set! word "fn ")) @definition.function
(function_signature_item name: (_) @name) @definition.function

(struct_item name: (_) @name body: (field_declaration_list) @scope (#set! word "struct ")) @definition.struct
(struct_item
  name: (_) @name body: (ordered_field_declaration_list) (#set! word "struct ")) @definition.struct
(struct_item name: (_) @name !body (#set! word "struct ")) @definition.struct
(union_item name: (_) @name body: (_) @scope) @definition.struct
(field_declaration name: (_) @name) @definition.field
(enum_item name: (_) @name body: (_) @scope (#set! word "enum ")) @definition.enum
(enum_variant name: (_) @name body: (field_declaration_list) @scope) @definition.enum_member
(enum_variant name: (_) @name) @definition.enum_member
(trait_item name: (_) @name body: (_) @scope) @definition.interface
([(type_item name: (_) @name) (associated_type name: (_) @name)] @definition.type)

; An implementation is named by its type; its trait is in its signature.
(impl_item
  type: [
    (type_identifier) @name
    (primitive_type) @name
    (scoped_type_identifier name: (_) @name)
    (generic_type type: [(type_identifier) @name (scoped_type_identifier name: (_) @name)])
    (reference_type type: [
      (type_identifier) @name
      (primitive_type) @name
      (scoped_type_identifier name: (_) @name)
      (generic_type type: (type_identifier) @name)
    ])
    (dynamic_type trait: [(type_identifier) @name (scoped_type_identifier name: (_) @name)])
  ]
  body: (_) @scope
  (#set! word "impl")) @definition.implementation
(impl_item body: (_) @scope)

(const_item name: (_) @name) @definition.constant
(static_item name: (_) @name) @definition.variable
(macro_definition name: (_) @name (#set! word "macro_rules!")) @definition.macro
(mod_item name: (_) @name body: (_) @scope) @definition.module
(mod_item name: (_) @name !body) @definition.module
(foreign_mod_item body: (_) @scope)
(ERROR) @scope

([(use_declaration) (extern_crate_declaration)] @import (#set! word "use "))
