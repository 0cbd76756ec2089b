; A section reaches to the next heading of its rank; the grammar starts none at a heading that is underlined.
(section . (atx_heading heading_content: (inline) @name)
  (#set! name "^(.+?)(?:[ \\t]+#+)?[ \\t]*$")) @definition.section
(setext_heading heading_content: (paragraph (inline) @name)) @definition.section
