"""The update protocol as values: messages, cells, hashes. Pure; docs/protocol.md is the specification."""
