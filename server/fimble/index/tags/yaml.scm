; The keys of the first two levels of each document.
(stream (document (block_node (block_mapping (block_mapping_pair
  key: (flow_node [(plain_scalar) (single_quote_scalar) (double_quote_scalar)] @name)) @definition.key)))
  (#set! name "^[\"']?(.+?)[\"']?$"))
(stream (document (block_node (block_mapping (block_mapping_pair
  value: (block_node (block_mapping (block_mapping_pair
    key: (flow_node [(plain_scalar) (single_quote_scalar) (double_quote_scalar)] @name)) @definition.key))))))
  (#set! name "^[\"']?(.+?)[\"']?$"))
(stream (document (block_node (block_mapping (block_mapping_pair
  value: (flow_node (flow_mapping (flow_pair
    key: (flow_node [(plain_scalar) (single_quote_scalar) (double_quote_scalar)] @name)) @definition.key))))))
  (#set! name "^[\"']?(.+?)[\"']?$"))
