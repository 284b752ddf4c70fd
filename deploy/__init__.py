"""How Upper Street is run: on one machine (`local`) and in a cluster (`k8s`)."""
