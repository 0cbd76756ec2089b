(start_tag (attribute
  (attribute_name) @_attribute [(attribute_value) @name (quoted_attribute_value (attribute_value) @name)])
  (#eq? @_attribute "id")) @definition.selector
(self_closing_tag (attribute
  (attribute_name) @_attribute [(attribute_value) @name (quoted_attribute_value (attribute_value) @name)])
  (#eq? @_attribute "id")) @definition.selector

; Headings, by the first text in them.
(element (start_tag (tag_name) @_tag) . (text) @name
  (#any-of? @_tag "h1" "h2" "h3" "h4" "h5" "h6" "title")) @definition.section
(element (start_tag (tag_name) @_tag) . (element (start_tag) . (text) @name)
  (#any-of? @_tag "h1" "h2" "h3" "h4" "h5" "h6")) @definition.section

(script_element (start_tag (attribute
  (attribute_name) @_attribute [(attribute_value) @module (quoted_attribute_value (attribute_value) @module)])
  (#eq? @_attribute "src"))) @import
(element [
  (start_tag (tag_name) @_tag (attribute
    (attribute_name) @_attribute [(attribute_value) @module (quoted_attribute_value (attribute_value) @module)]))
  (self_closing_tag (tag_name) @_tag (attribute
    (attribute_name) @_attribute [(attribute_value) @module (quoted_attribute_value (attribute_value) @module)]))
] (#eq? @_tag "link") (#eq? @_attribute "href")) @import
