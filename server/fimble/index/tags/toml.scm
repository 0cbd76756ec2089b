(table . [(bare_key) (dotted_key)] @name) @definition.section
(table . (quoted_key) @name (#set! name "^.(.+).$")) @definition.section
(table_array_element . [(bare_key) (dotted_key)] @name) @definition.section
(table_array_element . (quoted_key) @name (#set! name "^.(.+).$")) @definition.section
(document (pair . [(bare_key) (dotted_key)] @name) @definition.key)
(document (pair . (quoted_key) @name) @definition.key (#set! name "^.(.+).$"))
