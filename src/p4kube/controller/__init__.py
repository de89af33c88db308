"""The Kubernetes side of P4Kube: from Services, EndpointSlices, Nodes and VIPPools to a data plane.

Pure, without a client: `pools`, `allocator`, `endpoints`, `screening`, `standing`, `status`. At the edge:
`cluster` (the watched copies), `term` (one leadership), `publisher` (what we write to the API), `run`
(everything together). `dataplane` is the seam to whatever programs the switches.
"""
