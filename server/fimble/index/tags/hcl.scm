; A block is named by its last label, or, without labels, by its type. Where two patterns match, the lower kind counts.
(block . (identifier) @_type (string_lit (template_literal) @name) . (block_start)) @definition.section
(block . (identifier) @_type (string_lit (template_literal) @name) . (block_start)
  (#any-of? @_type "variable" "output")) @definition.variable
(block . (identifier) @_type (string_lit (template_literal) @name) . (block_start)
  (#eq? @_type "module")) @definition.module
(config_file (body (block . (identifier) @name . (block_start)) @definition.section))
(config_file (body (block . (identifier) . (block_start) (body (attribute . (identifier) @name) @definition.key))))
(config_file (body (attribute . (identifier) @name) @definition.key))

(block . (identifier) @_type (body (attribute
  . (identifier) @_attribute (expression (literal_value (string_lit (template_literal) @module)))))
  (#eq? @_type "module") (#eq? @_attribute "source")) @import
