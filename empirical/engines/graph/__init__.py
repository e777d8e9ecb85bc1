"""Any network, in any scale variable, by autograd."""
