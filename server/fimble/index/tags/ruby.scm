; A class, module or constant may be spelled with its scope: `class Billing::Error`.
(class name: [(constant) @name (scope_resolution name: (constant) @name)]) @definition.class
(module name: [(constant) @name (scope_resolution name: (constant) @name)]) @definition.module
(assignment left: (constant) @name) @definition.constant
(assignment left: (constant) @name
  right: (call receiver: (constant) @_base method: (identifier) @_make)
  (#any-of? @_base "Struct" "Data" "Class")
  (#any-of? @_make "new" "define")) @definition.class

; What follows the parameters ends the signature: the body, or a comment before it.
(method name: [(identifier) (constant) (operator) (setter)] @name parameters: (_) . (_)? @body
  (#not-eq? @name "initialize")) @definition.function
(method name: [(identifier) (constant) (operator) (setter)] @name !parameters . (_)? @body
  (#not-eq? @name "initialize")) @definition.function
(method name: (identifier) @name parameters: (_) . (_)? @body (#eq? @name "initialize")) @definition.constructor
(method name: (identifier) @name !parameters . (_)? @body (#eq? @name "initialize")) @definition.constructor
(singleton_method name: [(identifier) (constant) (operator) (setter)] @name
  parameters: (_) . (_)? @body) @definition.function
(singleton_method name: [(identifier) (constant) (operator) (setter)] @name !parameters
  . (_)? @body) @definition.function
(alias name: (identifier) @name) @definition.function
(call !receiver method: (identifier) @_call arguments: (argument_list . (simple_symbol) @name) block: (_)? @body
  (#set! name ":(.+)")
  (#any-of? @_call "alias_method" "define_method" "delegate")) @definition.function

; Attributes, and the members of a struct.
(call !receiver method: (identifier) @_call arguments: (argument_list (simple_symbol) @name)
  (#set! name ":(.+)")
  (#any-of? @_call "attr_accessor" "attr_reader" "attr_writer" "cattr_accessor" "mattr_accessor")) @definition.field
(call receiver: (constant) @_base method: (identifier) @_make
  arguments: (argument_list (simple_symbol) @name @definition.field)
  (#set! name ":(.+)")
  (#any-of? @_base "Struct" "Data")
  (#any-of? @_make "new" "define"))
(class body: (body_statement
  (assignment left: [(class_variable) (instance_variable)] @name) @definition.field))
(module body: (body_statement
  (assignment left: [(class_variable) (instance_variable)] @name) @definition.field))
(program (assignment left: (global_variable) @name) @definition.variable)

(call !receiver method: (identifier) @_call arguments: (argument_list . (string . (string_content) @module .))
  (#any-of? @_call "require" "require_relative" "load")) @import
(call !receiver method: (identifier) @_call
  arguments: (argument_list . (simple_symbol) . (string . (string_content) @module .))
  (#eq? @_call "autoload")) @import
