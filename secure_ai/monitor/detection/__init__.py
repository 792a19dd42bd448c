"""Detection in a stream: rules and learned scores over accesses, exports, model queries and transactions."""
