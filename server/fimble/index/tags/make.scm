; Targets that someone can ask for by name: not `.PHONY`, and no patterns.
(rule (targets (word) @name) (recipe)? @body (#not-match? @name "[%*]|^[.][A-Z_]+$")) @definition.function
(variable_assignment !target_or_pattern name: (word) @name) @definition.variable
(define_directive name: (word) @name) @definition.macro

(include_directive filenames: (list (word) @module)) @import
