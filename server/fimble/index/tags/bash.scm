(function_definition name: (word) @name body: (_) @body) @definition.function
(command name: (command_name (word) @_command) argument: (concatenation . (word) @name)
  (#set! name "^([^=]+)=")
  (#eq? @_command "alias")) @definition.function

; What a script assigns at its top level.
(program (variable_assignment name: (variable_name) @name "=") @definition.variable)
(program (declaration_command (variable_assignment name: (variable_name) @name "=")) @definition.variable)

(command name: (command_name (word) @_command) . argument: [
  (word) @module
  (raw_string) @module
  (string) @module
  (concatenation) @module
] (#any-of? @_command "source" ".")) @import
