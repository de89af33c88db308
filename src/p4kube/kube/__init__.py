"""A small Kubernetes client: list-watch done right, and nothing that P4Kube does not use.

Modules, lowest first: `clock` and `backoff` (time), `errors`, `objects` and `resources` (the fields and
paths used), `connection` (kubeconfig, in-cluster), `transport` (HTTP), `client` (typed verbs), `store`,
`reflector` (list and watch), `workqueue`, `election` (Lease), `events`. `testing` is public: a fake API
server and a fake clock.
"""
