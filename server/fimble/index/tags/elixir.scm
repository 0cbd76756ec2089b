; Everything is a call here; what it defines follows from the name of what is called.
(call target: (identifier) @_call (arguments . (alias) @name) (do_block) @body
  (#eq? @_call "defmodule")) @definition.module
(call target: (identifier) @_call (arguments . (alias) @name) (do_block) @body
  (#eq? @_call "defprotocol")) @definition.interface
(call target: (identifier) @_call (arguments . (alias) @name)
  (#eq? @_call "defimpl")) @definition.implementation

(call target: (identifier) @_call (arguments . [
  (identifier) @name
  (call target: (identifier) @name)
  (binary_operator left: [(identifier) @name (call target: (identifier) @name)] operator: "when")
]) (do_block)? @body
  (#any-of? @_call "def" "defp" "defguard" "defguardp" "defdelegate" "defn" "defnp")) @definition.function
(call target: (identifier) @_call (arguments . [
  (identifier) @name
  (call target: (identifier) @name)
  (binary_operator left: [(identifier) @name (call target: (identifier) @name)] operator: "when")
]) (do_block)? @body
  (#any-of? @_call "defmacro" "defmacrop")) @definition.macro
(unary_operator operator: "@" operand: (call target: (identifier) @_attribute (arguments .
  (binary_operator left: [(identifier) @name (call target: (identifier) @name)] operator: "::")))
  (#any-of? @_attribute "callback" "macrocallback")) @definition.function

(unary_operator operator: "@" operand: (call target: (identifier) @_attribute (arguments .
  (binary_operator left: [(identifier) @name (call target: (identifier) @name)] operator: "::")))
  (#any-of? @_attribute "type" "typep" "opaque")) @definition.type
; Module attributes serve as constants, apart from those that mean something to the compiler or to a tool.
(unary_operator operator: "@" operand: (call target: (identifier) @name (arguments))
  (#not-match? @name "^(after_.*|before_.*|behaviour|callback|compile|deprecated|derive|describetag|dialyzer|doc|enforce_keys|external_resource|fallback_to_any|file|impl|macrocallback|moduledoc|moduletag|nifs|on_.*|opaque|optional_callbacks|shortdoc|since|spec|tag|type|typedoc|typep|vsn)$")
) @definition.constant
(call target: (identifier) @_call (arguments [
  (list (atom) @name @definition.field)
  (list (keywords (pair key: (keyword) @name) @definition.field))
  (keywords (pair key: (keyword) @name) @definition.field)
]) (#set! name "(\\w+[?!]?)") (#eq? @_call "defstruct"))

(call target: (identifier) @_call (arguments . (alias) @module .)
  (#any-of? @_call "alias" "import" "use" "require")) @import
(call target: (identifier) @_call
  (arguments . (alias) @module (keywords (pair key: (keyword) @_key value: (alias) @alias)))
  (#any-of? @_call "alias" "require") (#match? @_key "^as:")) @import
(call target: (identifier) @_call
  (arguments . (alias) @module . (keywords . (pair key: (keyword) @_key)))
  (#any-of? @_call "import" "use" "require") (#not-match? @_key "^as:")) @import
(call target: (identifier) @_call
  (arguments . (dot left: (alias) @module right: (tuple (alias) @imported)))
  (#any-of? @_call "alias" "import" "use" "require")) @import
