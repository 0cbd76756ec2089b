(rule_set (selectors (_) @name) (block) @body) @definition.selector
(declaration (property_name) @name (#match? @name "^--")) @definition.variable
(at_rule (at_keyword) @_at . (keyword_query) @name (#eq? @_at "@property")) @definition.variable
(keyframes_statement (keyframes_name) @name) @definition.selector

(import_statement [
  (string_value (string_content) @module)
  (call_expression (arguments [(string_value (string_content) @module) (plain_value) @module]))
]) @import
