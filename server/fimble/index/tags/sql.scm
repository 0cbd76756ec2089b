; The last part of a name counts, without its quotes.
(create_table (object_reference name: (_) @name) (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$")) @definition.table
(create_view (object_reference name: (_) @name) (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$")) @definition.table
(create_materialized_view (object_reference name: (_) @name)
  (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$")) @definition.table
(create_table (column_definitions (column_definition name: (_) @name) @definition.field)
  (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$"))
(create_function (object_reference name: (_) @name) (function_body) @body
  (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$")) @definition.function
(create_procedure . (keyword_create) (keyword_procedure) . (object_reference name: (_) @name) (procedure_body) @body
  (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$")) @definition.function
(create_trigger (keyword_trigger) . (object_reference name: (_) @name)
  (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$")) @definition.function
(create_type (object_reference name: (_) @name) (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$")) @definition.type
(create_schema (identifier) @name (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$")) @definition.namespace
(create_sequence (object_reference name: (_) @name) (#set! name "^[\"`\\[]?(.+?)[\"`\\]]?$")) @definition.variable
