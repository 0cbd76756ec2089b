(from_instruction as: (image_alias) @name) @definition.section
(arg_instruction name: (unquoted_string) @name) @definition.variable
(env_instruction (env_pair name: (unquoted_string) @name) @definition.variable)

(from_instruction (image_spec) @module as: (image_alias)? @alias) @import
